"use strict";
// The administration screens and campaigns. Superusers see the links to them.

async function administration(given) {
  await people(given);
  await categories();
  await sources(given);
  await tags();
  await texts();
  await resolutions();
  await presets(given);
  await thresholds();
  await campaign(given);
}

async function people(given) {
  const all = await call("GET /users", "GET", "/users", {}, [{id: number, username: word, isSuperuser: flag}, 2]);
  await call("GET /profiles", "GET", "/profiles", {}, [{name: word}, 4]);
  const {id} = all.find((one) => one.username === given.colleague);
  const person = await call("GET /users/{id}", "GET", `/users/${id}`, {}, user);
  const profiles = [
    {category: "Phishing", profile: "Beginner", access: true}, {category: "Spam", profile: "Expert", access: false},
  ];
  const body = {id, username: person.username, email: person.email, isSuperuser: person.isSuperuser, profiles};
  const saved = await call("PUT /users/{id}", "PUT", `/users/${id}`, {body}, user);
  check("PUT /users/{id}", "profiles", saved.profiles.map((one) => `${one.category} ${one.profile}`).join(),
    one_of("Phishing Beginner"));
}

async function categories() {
  const made = {name: "Bots & more", label: "Bots", description: "March of bots"};
  const shape = {name: word, label: word, description: word};
  await call("POST /categories", "POST", "/categories", {body: made}, shape);
  const path = `/categories/${inPath(made.name)}`;
  await call("PUT /categories/{name}", "PUT", path, {body: {...made, label: "All bots", $$hashKey: "object:3"}}, shape);
  await call("DELETE /categories/{name}", "DELETE", path, {});
}

async function sources(given) {
  const page = {paginate: {currentPage: 1, resultsPerPage: 10}, where: {like: [{email: ["cert+"]}]}};
  const found = await call("GET /providers?F", "GET", "/providers", {query: {filters: page}},
    {providers: [provider, 1], providersCount: number});
  await call("GET /providers?F", "GET", "/providers", {query: {filters: {paginate: {resultsPerPage: "10"}}}},
    {providers: [provider, 2], providersCount: number});
  await call("GET /priorities/provider", "GET", "/priorities/provider", {}, [label, 3]);
  const known = await call("GET /tags?tagType=Provider", "GET", "/tags", {query: {tagType: "Provider"}}, [tag, 1]);
  const [source] = found.providers, path = `/providers/${inPath(source.email)}`;
  await call("POST /providers/{email}/tags", "POST", `${path}/tags`, {body: {...known[0], $$hashKey: "object:9"}});
  await call("DELETE /providers/{email}/tags/{tagId}", "DELETE", `${path}/tags/${known[0].id}`, {});
  const changed = {...source, name: "", trusted: true, priority: "High", defaultCategory: "Spam", tags: [known[0]]};
  const saved = await call("PUT /providers/{email}", "PUT", path, {body: changed}, provider);
  check("PUT /providers/{email}", "trusted", saved.trusted && saved.defaultCategory === "Spam", flag);
  await call("PUT /providers/{email}", "PUT", path, {body: {...saved, defaultCategory: null}}, provider);
}

async function tags() {
  await call("GET /tags/types", "GET", "/tags/types", {}, [label, 4]);
  const made = await call("POST /tags", "POST", "/tags", {body: {name: "by page", tagType: "Ticket", level: "3"}}, tag);
  await call("POST /tags", "POST", "/tags", {body: {name: "by page 2", tagType: "Report"}}, tag);
  const body = {...made, name: "by the page", level: 5};
  const saved = await call("PUT /tags/{id}", "PUT", `/tags/${made.id}`, {body}, tag);
  check("PUT /tags/{id}", "level", saved.level === 5 && saved.name === "by the page", (value) => value);
  await call("DELETE /tags/{id}", "DELETE", `/tags/${made.id}`, {});
}

async function texts() {
  await call("GET /emailTemplates?F", "GET", "/emailTemplates", {query: {filters: {}}}, [template, 1]);
  const ofCampaigns = {where: {in: [{recipientType: ["MassContact"]}]}};
  await call("GET /emailTemplates?F", "GET", "/emailTemplates", {query: {filters: ofCampaigns}}, [template]);
  await call("GET /emailTemplates/languages", "GET", "/emailTemplates/languages", {}, [word, 2]);
  await call("GET /emailTemplates/recipientsType", "GET", "/emailTemplates/recipientsType", {}, [recipientType, 4]);
  const body = {name: "By page", recipientType: "Defendant", lang: "EN", subject: "A", body: "About {{ publicId }}"};
  const made = await call("POST /emailTemplates", "POST", "/emailTemplates", {body}, template);
  const path = `/emailTemplates/${made.id}`;
  let held = made;
  for (const words of ["Look at {{ publicId }}", "Please look at {{ publicId }}"])
    held = await call("PUT /emailTemplates/{id}", "PUT", path, {body: {...held, body: words}}, template);
  await call("DELETE /emailTemplates/{id}", "DELETE", path, {});
}

async function resolutions() {
  const shape = [{id: number, codename: word}, 1];
  const all = await call("POST /resolutions", "POST", "/resolutions", {body: {codename: "by page"}}, shape);
  const {id} = all.find((one) => one.codename === "by page");
  await call("PUT /resolutions/{id}", "PUT", `/resolutions/${id}`, {body: {id, codename: "by the page"}}, shape);
  await call("DELETE /resolutions/{id}", "DELETE", `/resolutions/${id}`, {}, shape);
}

async function presets(given) {
  const [group] = await call("GET /presets?F", "GET", "/presets",
    {query: {filters: {queryFields: ["id", "name", "codename"]}}}, [presetGroup, 1]);
  const shape = {id: number, name: word, templates: [{id: number, recipientType}], action: object_or_null};
  await call("GET /presets/{id}", "GET", `/presets/${group.presets[0].id}`, {}, shape);
  const action = {codename: "close_with_resolution", params: {resolution: `${given.resolution}`, ip: ""}};
  const body = {name: "By page", templates: [given.template, null], action};
  const made = await call("POST /presets", "POST", "/presets", {body}, shape);
  action.codename = "waiting_answer";
  action.params = {snoozeDuration: 172800, pauseDuration: null, resolution: null};
  const saved = await call("PUT /presets/{id}", "PUT", `/presets/${made.id}`,
    {body: {...made, action, templates: [given.template]}}, shape);
  check("PUT /presets/{id}", "action", saved.action,
    {codename: one_of("waiting_answer"), params: {snoozeDuration: one_of(172800)}});
  const groups = await call("GET /presets?F", "GET", "/presets", {}, [presetGroup, 1]);
  const last = groups[groups.length - 1].presets.pop();
  const dragged = [...groups, {groupId: groups.length, presets: [{...last, $$hashKey: "object:1"}]}];
  const ordered = await call("PUT /presets/order", "PUT", "/presets/order", {body: dragged}, [presetGroup, 2]);
  check("PUT /presets/order", "last", ordered[ordered.length - 1].presets[0].id, one_of(last.id));
  await call("DELETE /presets/{id}", "DELETE", `/presets/${made.id}`, {}, [presetGroup, 1]);
}

async function thresholds() {
  const shape = {id: number, category: word, threshold: number, interval: number};
  await call("GET /admin/threshold", "GET", "/admin/threshold", {}, [shape, 1]);
  const body = {category: "Phishing", threshold: "5", interval: 7};
  const made = await call("POST /admin/threshold", "POST", "/admin/threshold", {body}, shape);
  const path = `/admin/threshold/${made.id}`;
  await call("PUT /admin/threshold/{id}", "PUT", path, {body: {...made, threshold: 9, $$hashKey: "object:2"}}, shape);
  await call("DELETE /admin/threshold/{id}", "DELETE", path, {});
}

async function campaign(given) {
  const words = "{% if lang == 'FR' %}Votre{% else %}Your{% endif %} {{ service }} {{ publicId }}";
  const body = {
    campaignName: "March of bots", category: "Phishing", ips: ["192.0.2.7", "192.0.2.8"],
    email: {subject: words, body: words, id: 4, recipientType: "MassContact", $$hashKey: "object:5"},
  };
  await call("POST /mass-contact", "POST", "/mass-contact", {body});
  const filters = {paginate: {resultsPerPage: 10}, sortBy: {date: -1}};
  await call("GET /mass-contact?F", "GET", "/mass-contact", {query: {filters}}, [{
    campaignName: word, category: word, ipsCount: number, date: seconds, user: word, result: {state: word},
  }, 1]);
}

async function closedDoors(given) {
  const row = "403 for who does not administer";
  await refused(row, 403, "GET", "/admin/threshold", {});
  await refused(row, 403, "POST", "/categories", {body: {name: "x", label: "x", description: "x"}});
  await refused(row, 403, "GET", `/users/${given.me}`, {});
  await refused(row, 403, "DELETE", `/news/${given.news}`, {query: {author: "x", title: "x"}});
}
