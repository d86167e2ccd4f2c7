"use strict";
// The screens that every operator works with.

const page = (resultsPerPage, currentPage = 1) => ({paginate: {currentPage, resultsPerPage}});

// A ticket or report as the client holds it: times as dates, which go back as text, and things of its own.
function held(whole, own = {}) {
  const copy = {...whole, ...own, $$hashKey: "object:7"};
  for (const name of ["creationDate", "modificationDate", "receivedDate", "snoozeStart", "pauseStart"])
    if (typeof whole[name] === "number") copy[name] = new Date(whole[name] * 1000);
  if (Array.isArray(whole.comments))
    copy.comments = whole.comments.map((one) => ({...one, date: new Date(one.date * 1000)}));
  return copy;
}

async function login(given) {
  const guess = {name: given.name, password: "a guess"};
  session.token = "old-and-over";
  document.cookie = "token=%22old-and-over%22; path=/";
  await refused("401 with a token that is over", 401, "GET", "/users/me", {});
  await refused("401 for a wrong password", 401, "POST", "/auth", {body: guess});
  await refused("401 for a logout without login", 401, "POST", "/logout", {body: {}});
  await refused("400 for a login without words", 400, "POST", "/auth", {body: {}});
  session.token = null;
  await refused("401 without a token", 401, "GET", "/toolbar", {});
  const body = {name: given.name, password: given.password};
  session.token = (await call("POST /auth", "POST", "/auth", {body}, {token: word})).token;
  document.cookie = `token=${encodeURIComponent(JSON.stringify(session.token))}; path=/`;
  const me = await call("GET /users/me", "GET", "/users/me", {}, user);
  check("GET /users/me", "isSuperuser", me.isSuperuser, one_of(given.isAdmin));
  check("GET /users/me", "Phishing", me.profiles.filter((one) => one.category === "Phishing").length, one_of(1));
}

async function logout() {
  await call("POST /logout", "POST", "/logout", {body: {}});
  await refused("401 with a token that is over", 401, "GET", "/toolbar", {});
}

async function shell() {
  await call("GET /notifications", "GET", "/notifications", {}, [message, 1]);
  await call("GET /toolbar", "GET", "/toolbar", {}, {
    myTicketsAnsweredCount: number, myTicketsTodoCount: number, myTicketsSleepingCount: number, todoCount: number,
  });
}

async function dashboard(given) {
  const board = await call("GET /dashboard", "GET", "/dashboard", {}, {
    categories: [word, 1], ticketsByCategory: {idle: [number], pending: [number], waiting: [number]},
    ticketsByStatus: {Open: number}, reportsByCategory: {Phishing: number}, reportsByStatus: {Attached: number},
  });
  for (const name of ["idle", "pending", "waiting"])
    check("GET /dashboard", name, board.ticketsByCategory[name].length, one_of(board.categories.length));
  const rows = [{
    id: number, category: word, status: ticketStatus, priority: word, modificationDate: seconds,
    defendant: object_or_null,
  }, 1];
  const queryFields = ["id", "category", "status", "priority", "modificationDate", "defendant"];
  for (const name of ["escalated", "moderation"]) {
    const where = {in: [{[name]: [true]}]};
    for (const filters of [
      {...page(10), sortBy: {modificationDate: -1}, queryFields, where}, {...page("10"), sortBy: {id: 1}, where},
    ]) await call("GET /tickets?F", "GET", "/tickets", {query: {filters}}, rows);
    const ids = {...page(1000), queryFields: ["id"], where};
    await call("GET /tickets?F", "GET", "/tickets", {query: {filters: ids}}, [{id: number}, 1]);
  }
  await call("GET /my-tickets?F", "GET", "/my-tickets", {query: {filters: {paginate: {}, sortBy: {status: 1}}}},
    [{...ticketRow, snoozeStart: or_null(seconds), snoozeDuration: or_null(number)}]);
  const busy = [{customerId: word, email: word, count: number}, 1];
  await call("GET /defendants/top20", "GET", "/defendants/top20", {}, {ticket: busy, report: busy});
  const filters = page(5);
  const body = {author: given.name, date: new Date(), title: "Hello", content: "World & all"};
  const made = await call("POST /news", "POST", "/news", {body}, news);
  await call("GET /news?F", "GET", "/news", {query: {filters}}, {news: [news, 1], newsCount: number});
  const {title, content, author} = made, date = new Date(made.date * 1000).toISOString();
  await call("PUT /news/{id}", "PUT", `/news/${made.id}`, {body: {...made, content: "Worlds", date}}, news);
  const options = {query: {author, content, date, title}};
  if (given.isAdmin) await call("DELETE /news/{id}", "DELETE", `/news/${made.id}`, options);
}

async function search(given) {
  await call("GET /status", "GET", "/status", {}, [anything, 1]);
  await call("GET /status/Ticket", "GET", "/status/Ticket", {}, [label, 8]);
  await call("GET /status/Report", "GET", "/status/Report", {}, [label, 5]);
  await call("GET /users", "GET", "/users", {}, [{id: number, username: word, isSuperuser: flag}, 2]);
  await call("GET /categories", "GET", "/categories", {}, [{name: word, label: word, description: word}, 8]);
  await call("GET /tags", "GET", "/tags", {}, [tag, 1]);
  await call("GET /priorities/ticket", "GET", "/priorities/ticket", {}, [label, 3]);
  const row = "GET /search?F", both = {ticketsCount: number, reportsCount: number};
  const found = (filters, tickets, reports) => call(row, "GET", "/search", {query: {filters}},
    {...both, tickets: [ticketRow, tickets], reports: [reportRow, reports]});
  const fields = ["id", "category", "defendant", "service", "status", "priority", "creationDate", "modificationDate",
    "attachedReportsCount"];
  const open = ["Open", "Alarm", "Reopened", "Paused", "Answered", "WaitingAnswer", "ActionError"];
  await found({...page(10), queryFields: fields, sortBy: {creationDate: -1}, where: {in: [{status: open}]}}, 2, 0);
  await found({...page("20"), queryFields: [...fields, "provider", "receivedDate", "subject", "ticket"],
    sortBy: {creationDate: -1}, where: {in: [{status: ["New", "Attached", "PhishToCheck"]}]}}, 0, 3);
  await found({...page(0), where: {in: [{treatedBy: [given.name]}, {status: ["Open"]}]}}, 0, 0);
  for (const sort of ["id", "category", "status", "priority", "attachedReportsCount", "provider", "receivedDate"])
    await found({...page(10), sortBy: {[sort]: 1}, where: {in: [{category: ["Phishing"]}]}}, 1, 1);
  const ask = async (where, tickets, reports) => {
    const answer = await found({...page(10), where}, tickets, reports);
    for (const [name, wanted] of [["tickets", tickets], ["reports", reports]])
      if (wanted === 0 && answer[`${name}Count`] !== 0) fail(row, `${JSON.stringify(where)} finds ${name}`);
  };
  const {publicId, reporter} = given;
  await ask({like: [{ticketIds: [publicId]}]}, 1, 0);
  await ask({like: [{ticketIds: [`${given.ticket}`]}]}, 1, 0);
  await ask({like: [{fulltext: ["a page & more"]}]}, 1, 1);
  await ask({like: [{body: ["about 192.0.2.7"]}]}, 1, 1);
  await ask({like: [{defendant: [given.customerId]}], in: [{category: ["Phishing", "Spam"]}]}, 1, 1);
  await ask({like: [{item: ["192.0.2.7"]}]}, 1, 1);
  await ask({like: [{subject: ["page & more"]}], in: [{providerEmail: [reporter]}]}, 1, 1);
  await ask({in: [{defendantTag: ["vip"]}]}, 1, 1);
  await ask({in: [{ticketTag: ["fraud"]}, {priority: ["Normal"]}]}, 1, 0);
  await ask({in: [{reportTag: ["copied"]}]}, 1, 1);
  await ask({in: [{priority: ["Normal"]}, {category: ["Phishing"]}]}, 1, 1);
  await ask({in: [{treatedBy: [null]}]}, 1, 0);
  await ask({in: [{ticket: [null]}]}, 0, 1);
  await ask({in: [{id: [given.report]}, {reportTag: ["copied"]}, {status: ["Attached"]}]}, 0, 1);
  await ask({in: [{alarm: [true]}, {status: ["Closed"]}]}, 0, 0);
  await ask({in: [{escalated: [true]}, {confidential: [false]}]}, 1, 0);
  await ask({in: [{moderation: [true]}]}, 1, 0);
  const queue = {tickets: [ticketRow, 1], ticketsCount: number};
  for (const filters of [
    {...page(10), onlyUnassigned: false}, {...page("10"), onlyUnassigned: true}, {...page(250)},
    {paginate: {currentPage: "1", resultsPerPage: "50"}, onlyUnassigned: "true"},
  ]) await call("GET /tickets/todo?F", "GET", "/tickets/todo", {query: {filters}}, queue);
  for (const path of [`/tickets/${given.ticket}/items`, `/reports/${given.report}/items`])
    await call("GET /tickets/{id}/items, /reports/{id}/items", "GET", path, {}, {itemsCount: number});
  const shape = {providers: [anything], providersCount: number};
  const {providersCount} = await call("GET /providers?F", "GET", "/providers", {query: {filters: page(0)}}, shape);
  const filters = {...page(providersCount), queryFields: ["email", "trusted"], where: {like: [{email: ["cert+"]}]}};
  await call("GET /providers?F", "GET", "/providers", {query: {filters}},
    {providers: [{email: word, trusted: flag}, 1], providersCount: number});
  await refused("400 for filters that make no sense", 400, "GET", "/search", {query: {filters: {where: {in: [{x: [1]}]}}}});
}

async function ticketPage(given) {
  const path = `/tickets/${given.ticket}`;
  const show = (shape = ticketAboutSomebody) => call("GET /tickets/{id}", "GET", path, {}, shape);
  const change = async (own, name = Object.keys(own)[0]) => {
    const now = await show(ticket);
    const answer = await call("PUT /tickets/{id}", "PUT", path, {body: held(now, own)}, ticket);
    if (JSON.stringify(answer[name]) !== JSON.stringify(own[name])) fail("PUT /tickets/{id}", `${name} stays`);
    return answer;
  };
  const first = await show();
  check("GET /tickets/{id}", "justAssigned", first.justAssigned, one_of(!given.isAdmin));
  check("GET /tickets/{id}", "treatedBy", first.treatedBy, one_of(given.isAdmin ? null : given.name));
  await tabs(given, path);
  await refused("404 for a ticket that is not there", 404, "GET", "/tickets/999999999", {});
  await refused("403 for a ticket of another's category", given.isAdmin ? 404 : 403, "GET",
    given.isAdmin ? "/tickets/999999999" : `/tickets/${given.foreign}`, {});
  // What is hung on a ticket leaves what the page holds of it good for a change.
  const before = held(await show());
  const remark = await call("POST /tickets/{id}/comments", "POST", `${path}/comments`, {body: {comment: "It calls."}},
    comment);
  await call("PUT /tickets/{id}/comments/{commentId}", "PUT", `${path}/comments/${remark.id}`,
    {body: {comment: "It called."}});
  const known = (await call("GET /tags", "GET", "/tags", {}, [tag, 1])).find((one) => one.name === "fraud");
  await call("DELETE /tickets/{id}/tags/{tagId}", "DELETE", `${path}/tags/${known.id}`, {});
  await call("POST /tickets/{id}/tags", "POST", `${path}/tags`, {body: {...known, $$hashKey: "object:4"}});
  await proof(given, path);
  const stale = await call("PUT /tickets/{id}", "PUT", path, {body: {...before, priority: "High"}}, ticket);
  check("PUT /tickets/{id}", "priority", stale.priority, one_of("High"));
  for (const own of [
    {priority: "Normal"}, {category: "Spam"}, {category: "Phishing"}, {confidential: true}, {confidential: false},
    {protected: true}, {protected: false}, {update: false}, {update: true}, {alarm: true}, {alarm: false},
    {moderation: true}, {moderation: false}, {treatedBy: null}, {treatedBy: given.colleague}, {treatedBy: given.name},
    {escalated: true}, {escalated: false}, {treatedBy: given.name},
  ]) await change(own);
  await customer(given, (await show()).defendant);
  await pauses(path, show, change);
}

async function tabs(given, path) {
  await call("GET /tickets/{id}/providers", "GET", `${path}/providers`, {}, [{email: word, trusted: flag}, 1]);
  await call("GET /tickets/{id}/proof", "GET", `${path}/proof`, {}, [{id: number, content: word}]);
  await call("GET /tickets/{id}/emails", "GET", `${path}/emails`, {},
    [{from: word, to: word, subject: word, body: word, created: seconds}]);
  await call("GET /tickets/{id}/jobs", "GET", `${path}/jobs`, {}, [anything]);
  const shown = await call("GET /tickets/{id}/items?F", "GET", `${path}/items`, {query: {filters: page(5)}}, items);
  const filters = {...page(5), where: {like: [{rawItem: ["LOGIN"]}]}};
  const named = await call("GET /tickets/{id}/items?F", "GET", `${path}/items`, {query: {filters}}, items);
  if (!(named.itemsCount >= 1 && named.itemsCount < shown.itemsCount)) fail("GET /tickets/{id}/items?F", "where");
  const row = shown.items.find((one) => one.itemType === "URL");
  await call("PUT /tickets/{id}/items/{itemId}", "PUT", `${path}/items/${row.id}`,
    {body: {...row, rawItem: "http://192.0.2.7/login?x", $$hashKey: "object:1", edit: true}}, item);
  const ofTicket = {...page(5), where: {in: [{ticket: [given.ticket]}]}};
  await call("GET /reports?F", "GET", "/reports", {query: {filters: ofTicket}}, [reportInTicket, 1]);
  const sources = {queryFields: ["provider"], where: {in: [{ticket: [given.ticket]}]}};
  await call("GET /reports?F", "GET", "/reports", {query: {filters: sources}}, [{provider: {email: word}}, 1]);
  const history = {...page("10"), where: {in: [{defendantCustomerId: [given.customerId]}]}};
  for (const sort of ["id", "category", "status", "priority", "creationDate", "modificationDate"])
    await call("GET /tickets?F", "GET", "/tickets", {query: {filters: {...history, sortBy: {[sort]: -1}}}}, [ticketRow, 1]);
  await call("GET /reports?F", "GET", "/reports", {query: {filters: history}}, [reportInTicket, 1]);
  for (const what of ["tickets", "reports"])
    await call(`GET /stats/${what}/{customerId}`, "GET", `/stats/${what}/${inPath(given.customerId)}`, {}, [chart, 1]);
  await call("GET /defendants/{customerId}/services", "GET", `/defendants/${inPath(given.customerId)}/services`, {}, [{
    zone: word,
    services: [{
      componentType: or_null(text), reference: or_null(text), name: word, creationDate: or_null(seconds),
      expirationDate: or_null(seconds), autorenew: or_null(flag), state: or_null(text),
    }, 1],
  }, 1]);
}

async function proof(given, path) {
  const needs = `${path}/templates/${given.proofTemplate}`;
  await refused("GET /tickets/{id}/templates/{templateId}: 400 without proof", 400, "GET", needs, {});
  await call("POST /tickets/{id}/proof", "POST", `${path}/proof`, {body: {content: "GET /login 200"}}, message);
  const [one] = await call("GET /tickets/{id}/proof", "GET", `${path}/proof`, {}, [{id: number, content: word}, 1]);
  await call("GET /tickets/{id}/templates/{templateId}", "GET", needs, {}, {subject: word, body: word, to: [word, 1]});
  await call("DELETE /tickets/{id}/proof/{proofId}", "DELETE", `${path}/proof/${one.id}`, {});
}

async function customer(given, {id}) {
  const path = `/defendants/${id}`;
  const made = await call("POST /defendants/{id}/comments", "POST", `${path}/comments`, {body: {comment: "Pays."}},
    comment);
  await call("PUT /defendants/{id}/comments/{commentId}", "PUT", `${path}/comments/${made.id}`,
    {body: {comment: "Pays late."}});
  await call("DELETE /defendants/{id}/comments/{commentId}", "DELETE", `${path}/comments/${made.id}`, {});
  const [vip] = await call("GET /tags?tagType=Defendant", "GET", "/tags", {query: {tagType: "Defendant"}}, [tag, 1]);
  await call("DELETE /defendants/{id}/tags/{tagId}", "DELETE", `${path}/tags/${vip.id}`, {});
  await call("POST /defendants/{id}/tags?Id={tagId}", "POST", `${path}/tags`, {query: {Id: vip.id}, body: vip});
  await call("GET /defendants/{id}", "GET", path, {}, defendant);
}

async function pauses(path, show, change) {
  const statusOf = async (wanted) => check("GET /tickets/{id}", "status", (await show()).status, one_of(...wanted));
  const set = (name, body) => call(`PUT /tickets/{id}/status/${name}`, "PUT", `${path}/status/${name}`, {body});
  await set("paused", {pauseDuration: 7200});
  const paused = await show();
  check("GET /tickets/{id}", "pauseStart", paused.pauseStart, seconds);
  await change({priority: "Low"});
  await change({priority: "Normal"});
  await call("PATCH /tickets/{id}/pauseDuration", "PATCH", `${path}/pauseDuration`, {body: {pauseDuration: 3600}});
  await statusOf(["Paused"]);
  await set("unpaused", {pauseDuration: 0});
  await statusOf(["Open"]);
}

async function interact(given) {
  const path = `/tickets/${given.ticket}`;
  const actions = await call("GET /tickets/{id}/actions/list", "GET", `${path}/actions/list`, {},
    [{id: number, level: anything, name: word}, 1]);
  await call("GET /emailTemplates", "GET", "/emailTemplates", {}, [template, 3]);
  const groups = await call("GET /presets?F", "GET", "/presets",
    {query: {filters: {queryFields: ["id", "name", "codename"]}}}, [presetGroup, 1]);
  const resolutions = await call("GET /resolutions", "GET", "/resolutions", {}, [{id: number, codename: word}, 1]);
  const notice = groups.flatMap((group) => group.presets).find((one) => one.codename === "first_notice");
  const filled = await call("GET /tickets/{id}/presets/{presetId}", "GET", `${path}/presets/${notice.id}`, {}, {
    id: number, templates: [{id: number, recipientType, to: [word], subject: word, body: word}, 1],
    action: {codename: word, params: {snoozeDuration: number}},
  });
  const emails = filled.templates.map(({to, subject, body}) => ({to, subject, body}));
  const decide = async (codename, params, mails = [], own = {}) => {
    const body = {emails: mails, action: {...own, codename, params}};
    await call("POST /tickets/{id}/interact", "POST", `${path}/interact`, {body}, message);
    return call("GET /tickets/{id}", "GET", path, {}, ticketAboutSomebody);
  };
  const waits = await decide(filled.action.codename, {...filled.action.params, pauseDuration: null, ip: ""}, emails,
    {...filled.action, id: 3, name: "Wait", $$hashKey: "object:2"});
  check("GET /tickets/{id}", "wait", [waits.status, waits.snoozeStart, waits.snoozeDuration].map((one) => typeof one)
    .join(), one_of("string,number,number"));
  await call("PUT /tickets/{id}", "PUT", path, {body: held(waits, {priority: "High"})}, ticketAboutSomebody);
  await call("GET /tickets/{id}/emails", "GET", `${path}/emails`, {},
    [{from: word, to: word, subject: word, body: word, created: seconds}, 1]);
  await call("PATCH /tickets/{id}/snoozeDuration", "PATCH", `${path}/snoozeDuration`, {body: {snoozeDuration: 7200}});
  const [{id}] = actions, ip = "192.0.2.7";
  const typed = [{to: ["jo@customer.example", " other@customer.example", ""], subject: "Please", body: "Look."}];
  const ordered = await decide("waiting_answer_then_action_and_close",
    {snoozeDuration: 172800, action: id, ip, resolution: resolutions[0].id}, typed);
  check("GET /tickets/{id}", "jobs", ordered.jobs.length, one_of(1));
  check("GET /tickets/{id}", "action", ordered.action, {name: word});
  await jobs(path);
  await decide("waiting_answer_then_action", {snoozeDuration: 172800, action: `${id}`, ip});
  await jobs(path);
  await decide("pause_ticket", {pauseDuration: 3600});
  await decide("action_then_waiting_answer", {snoozeDuration: 86400, action: id, ip});
  const closed = await decide("close_with_resolution", {resolution: `${resolutions[0].id}`, action: null});
  check("GET /tickets/{id}", "status", closed.status, one_of("Closed"));
  const set = (name, body) => call(`PUT /tickets/{id}/status/${name}`, "PUT", `${path}/status/${name}`, {body});
  await set("reopened", {pauseDuration: 0});
  await set("closed", {resolution: resolutions[0].id});
  await set("reopened", {pauseDuration: 0});
  await decide("action_then_close", {action: id, ip, resolution: resolutions[0].id});
  await refused("an interaction that cannot be has a message", 409, "POST", `${path}/interact`,
    {body: {emails: [], action: {codename: "pause_ticket", params: {pauseDuration: 0}}}});
}

async function jobs(path) {
  const row = {
    id: number, ip: or_null(word), action: {name: word}, creationDate: seconds, executionDate: or_null(seconds),
    status: jobStatus, comment: or_null(text),
  };
  const all = await call("GET /tickets/{id}/jobs", "GET", `${path}/jobs`, {}, [row, 1]);
  const waiting = all.find((one) => one.status === "pending");
  await call("DELETE /tickets/{id}/jobs/{jobId}", "DELETE", `${path}/jobs/${waiting.id}`, {}, message);
  const after = await call("GET /tickets/{id}/jobs", "GET", `${path}/jobs`, {}, [row, 1]);
  check("GET /tickets/{id}/jobs", "status", after.find((one) => one.id === waiting.id).status, one_of("cancelled"));
}

async function reportPage(given) {
  const path = `/reports/${given.report}`;
  const whole = await call("GET /reports/{id}", "GET", path, {}, reportAboutSomebody);
  const open = {...page(1000), queryFields: ["id"], where: {in: [{status: ["New", "Attached", "PhishToCheck"]}]}};
  await call("GET /reports?F", "GET", "/reports", {query: {filters: open}}, [{id: number}, 2]);
  const match = {where: {in: [
    {category: [whole.category]}, {defendantCustomerId: [whole.defendant.customerId]}, {service: [whole.service.id]},
  ]}};
  const found = await call("GET /tickets?F", "GET", "/tickets", {query: {filters: match}}, [ticketRow]);
  if (!found.some((one) => one.id === given.ticket)) fail("GET /tickets?F", "the ticket of the same service is missing");
  await call("GET /reports/{id}/items?F", "GET", `${path}/items`, {query: {filters: page(5)}}, items);
  const made = await call("POST /reports/{id}/items", "POST", `${path}/items`,
    {body: {rawItem: "192.0.2.9", itemType: "IP", report: given.report}}, item);
  await call("PUT /reports/{id}/items/{itemId}", "PUT", `${path}/items/${made.id}`,
    {body: {...made, rawItem: "http://192.0.2.9/x", $$hashKey: "object:1"}}, item);
  await call("DELETE /reports/{id}/items/{itemId}", "DELETE", `${path}/items/${made.id}`, {});
  await refused("an item of nobody has a message", 409, "POST", `${path}/items`, {body: {rawItem: "8.8.8.8", itemType: "IP"}});
  const [file] = await call("GET /reports/{id}/attachments", "GET", `${path}/attachments`, {},
    [{id: number, name: word, filename: word, filetype: word}, 1]);
  await call("GET /reports/{id}/attachments/{attId}", "GET", `${path}/attachments/${file.id}`, {}, base64);
  const {raw} = await call("GET /reports/{id}/raw", "GET", `${path}/raw`, {}, {raw: word});
  const {dehtmlify} = await call("GET /reports/{id}/dehtmlify", "GET", `${path}/dehtmlify`, {}, {dehtmlify: word});
  const [copied] = await call("GET /tags?tagType=Report", "GET", "/tags", {query: {tagType: "Report"}}, [tag, 1]);
  await call("DELETE /reports/{id}/tags/{tagId}", "DELETE", `${path}/tags/${copied.id}`, {});
  await call("POST /reports/{id}/tags", "POST", `${path}/tags`, {body: copied});
  const own = {items: [made], attachments: [file], raw, dehtmlify, showRaw: true};
  await call("PUT /reports/{id}", "PUT", path, {body: held(whole, own)}, reportAboutSomebody);
  for (const kind of ["rbl", "external", "internal", "tool"]) {
    const shape = {
      rbl: [{shortName: word, fullName: word, result: flag}], tool: [{shortName: word, uri: word}, 1],
      external: [{shortName: word, fullName: word, result: number}, 1],
      internal: [{shortName: word, result: anything, blacklisted: anything, lastEvent: anything}],
    }[kind];
    await call(`GET /reputation/ip/{ip}/${kind}`, "GET", `/reputation/ip/192.0.2.7/${kind}`, {}, shape);
  }
  await call("GET /reputation/ip/{ip}/external/{source}", "GET", "/reputation/ip/192.0.2.7/external/x", {},
    [{timestamp: seconds, weight: number, data: anything}]);
  await call("POST /reputation/url/external", "POST", "/reputation/url/external", {body: {url: "http://bad.example/"}},
    [{shortName: word, fullName: word, result: anything}]);
  const looked = await call("GET /tools/curl?url=", "GET", "/tools/curl", {query: {url: given.page}},
    {url: word, headers: object_or_null});
  check("GET /tools/curl?url=", "url", looked.url, one_of(given.page));
  await call("GET /tools/whois?item=", "GET", "/tools/whois", {query: {item: "192.0.2.7"}}, {ipCategory});
}

async function reportMoves(given) {
  const path = `/reports/${given.fresh}`;
  const show = (shape = report) => call("GET /reports/{id}", "GET", path, {}, shape);
  const change = async (own) => call("PUT /reports/{id}", "PUT", path, {body: held(await show(), own)}, report);
  await change({category: "Spam"});
  await change({category: "Phishing"});
  const {ticket: none, ...whole} = await show();
  await call("POST /tickets", "POST", "/tickets", {body: held({...whole, ticket: none})});
  const attached = await show();
  check("POST /tickets", "report", attached.status === "Attached" && attached.ticket > 0, (value) => value);
  const out = await change({status: "New"});
  check("PUT /reports/{id}", "detached", out.status === "New" && out.ticket === null, (value) => value);
  const back = await change({status: "Attached"});
  check("PUT /reports/{id}", "attached", back.status, one_of("Attached"));
  await call("GET /tickets/{id}", "GET", `/tickets/${back.ticket}`, {}, ticketAboutSomebody);
  const held_ticket = held(await call("GET /tickets/{id}", "GET", `/tickets/${back.ticket}`, {}, ticket));
  const loose = await call("PUT /tickets/{id}", "PUT", `/tickets/${back.ticket}`, {body: {...held_ticket, defendant: null}},
    ticket);
  check("PUT /tickets/{id}", "defendant", loose.defendant, or_null((value) => false));
  await change({status: "New"});
  const archived = await change({status: "Archived"});
  check("PUT /reports/{id}", "archived", archived.status, one_of("Archived"));
}

async function diaporama(given) {
  const waiting = {...page(100), where: {in: [{status: ["PhishToCheck"]}]}};
  await call("GET /search?F", "GET", "/search", {query: {filters: waiting}},
    {tickets: [anything], ticketsCount: number, reports: [{...reportRow, defendant: {id: number}}, 1], reportsCount: number});
  const path = `/reports/${given.phish}`;
  const whole = await call("GET /reports/{id}", "GET", path, {}, reportAboutSomebody);
  await call("GET /defendants/{id}", "GET", `/defendants/${whole.defendant.id}`, {}, defendant);
  const urls = await call("GET /reports/{id}/items/screenshots", "GET", `${path}/items/screenshots`, {}, screenshots);
  const [picture] = urls.flatMap((one) => one.screenshots);
  const width = await new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image.naturalWidth);
    image.onerror = () => resolve(0);
    image.src = picture.location;
  });
  if (width !== 1) fail("GET /reports/{id}/items/screenshots", `the picture at ${picture.location} is not shown`);
  await call("PUT /reports/{id}", "PUT", path, {body: {id: given.phish, status: "PhishToCheck", category: "Phishing"}},
    report);
  const body = urls.map((one) => ({
    screenshotId: one.screenshots.length ? one.screenshots[0].screenshotId : null, feedback: one.screenshots.length > 0,
  }));
  await call("POST /reports/{id}/feedback", "POST", `${path}/feedback`, {body}, message);
}

async function many(given) {
  const [first] = given.bulk;
  const change = (properties) => call("PUT /tickets/bulk", "PUT", "/tickets/bulk", {body: {tickets: given.bulk, properties}});
  await change({category: "Phishing", priority: "High", treatedBy: given.name});
  await change({status: "Paused", pauseDuration: 86400});
  await change({status: "Unpaused", alarm: true});
  await change({treatedBy: null});
  await change({status: "Closed", resolution: `${given.resolution}`});
  await change({status: "Reopened"});
  const last = await call("GET /tickets/{id}", "GET", `/tickets/${first}`, {}, ticket);
  check("PUT /tickets/bulk", "ticket", [last.status, last.alarm, last.priority].join(), one_of("Reopened,true,High", "Reopened,false,High"));
}
