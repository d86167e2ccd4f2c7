"use strict";
// What the older client reads of each answer, by the types that it takes.

const text = (value) => typeof value === "string";
const word = (value) => typeof value === "string" && value !== "";
const number = (value) => typeof value === "number";
const flag = (value) => typeof value === "boolean";
const seconds = (value) => Number.isInteger(value) && value > 1e9 && value < 1e10;
const anything = () => true;
const or_null = (shape) => Object.defineProperty(
  (value) => value === null || shape(value), "name", {value: `${shape.name} or null`});
const one_of = (...words) => Object.defineProperty(
  (value) => words.includes(value), "name", {value: `one of ${words.join(", ")}`});
const object_or_null = (value) => value === null || (typeof value === "object" && !Array.isArray(value));
const base64 = (value) => { try { return text(value) && atob(value).length > 0; } catch (error) { return false; } };
const day = (value) => /^\d\d\/\d\d\/\d\d$/.test(value);

const ticketStatus = one_of("Open", "WaitingAnswer", "Answered", "Alarm", "Paused", "Reopened", "Closed", "ToCall",
  "ActionError", "Snoozed", "AntihackError");
const reportStatus = one_of("New", "Attached", "Archived", "Validated", "ToValidate", "PhishToCheck", "Closed");
const jobStatus = one_of("pending", "doing", "done", "cancelled", "actionError");
const itemType = one_of("IP", "URL", "FQDN");
const ipCategory = one_of("managed", "cloudflare", "other");
const recipientType = one_of("Defendant", "Plaintiff", "Other", "MassContact", "Partial");

const tag = {id: number, name: word, tagType: word, level: number};
const comment = {id: number, user: word, comment: word, date: seconds};
const defendant = {
  id: number, customerId: word, email: word, spareEmail: or_null(text), firstname: or_null(text), name: or_null(text),
  country: or_null(text), billingCountry: or_null(text), lang: or_null(text), address: or_null(text),
  zip: or_null(text), city: or_null(text), legalForm: or_null(text), organisation: or_null(text), creationDate: day,
  state: or_null(text), isVIP: flag, isGS: flag, isInternal: flag, tags: [tag], comments: [comment],
};
const ticketRow = {
  id: number, category: word, defendant: object_or_null, service: object_or_null, status: ticketStatus, priority: word,
  creationDate: seconds, modificationDate: seconds, attachedReportsCount: number, treatedBy: or_null(word),
  commentsCount: number, alarm: flag,
};
const reportRow = {
  id: number, category: word, defendant: object_or_null, service: object_or_null, status: reportStatus,
  provider: {email: word, priority: word, trusted: flag}, receivedDate: seconds, subject: or_null(text),
  ticket: or_null(number),
};
const ticket = {
  id: number, publicId: word, mailerId: anything, category: word, status: ticketStatus, priority: word,
  creationDate: seconds, attachedReportsCount: number, treatedBy: or_null(word), service: object_or_null,
  confidential: flag, protected: flag, update: flag, alarm: flag, escalated: flag, moderation: flag, tags: [tag],
  comments: [comment], history: [{username: word, action: word, date: seconds}], jobs: [anything],
  action: object_or_null, justAssigned: flag, snoozeStart: or_null(seconds), snoozeDuration: or_null(number),
  pauseStart: or_null(seconds), pauseDuration: or_null(number), defendant: object_or_null,
};
const ticketAboutSomebody = {...ticket, defendant, service: {name: word}};
const report = {
  id: number, receivedDate: seconds, status: reportStatus, category: word, subject: or_null(text), body: text,
  provider: {name: or_null(text), email: word, trusted: flag}, ticket: or_null(number), tags: [tag],
  service: object_or_null, defendant: object_or_null,
};
const reportAboutSomebody = {
  ...report, defendant, service: {id: number, name: word, componentType: anything, componentSubType: anything},
};
const reportInTicket = {
  id: number, receivedDate: seconds, status: reportStatus, category: word, subject: or_null(text), body: text,
  provider: {name: or_null(text), email: word},
};
const state = (value) => object_or_null(value) && value !== null && seconds(value.date) && text(value.rawItem)
  && (value.ip === null || (word(value.ip) && ipCategory(value.ipCategory)))
  && (value.fqdnResolved === null || word(value.fqdnResolved));
const item = {id: number, report: number, itemType, rawItem: word, viewed: flag, history: [state, 1]};
const items = {items: [item], itemsCount: number};
const provider = {
  email: word, name: or_null(text), defaultCategory: or_null(text), priority: word, trusted: flag, tags: [tag],
};
const user = {
  id: number, username: word, email: text, isSuperuser: flag,
  profiles: [{category: word, profile: one_of("Read-only", "Beginner", "Advanced", "Expert"), access: flag}],
};
const label = {label: word};
const news = {id: number, title: word, content: word, author: word, date: seconds};
const template = {id: number, name: word, recipientType, lang: word, subject: text, body: word};
const presetGroup = {groupId: number, presets: [{id: number, name: word, codename: word}]};
const message = {message: word};
const chart = {
  name: word,
  data: [(point) => Array.isArray(point) && point.length === 2 && !isNaN(new Date(point[0])) && number(point[1])],
};
const access = {state: word, statusCode: or_null(number), headers: object_or_null};
const screenshots = [{
  rawItem: word,
  screenshots: [{
    screenshotId: word, timestamp: seconds, location: word, phishingGradeDetails: {grade: or_null(number)},
    response: {directAccess: access, proxyAccess: {...access, proxyAddr: or_null(text)}},
  }],
}, 1];
