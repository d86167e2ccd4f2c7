"use strict";
// How the older client speaks: addresses, headers, bodies, and what it takes for an error.

const told = {rows: [], failures: []};
const session = {api: "", token: null};

function fail(row, what) { told.failures.push(`${row}: ${what}`); }

function inQuery(value) {
  return encodeURIComponent(value).replace(/%40/g, "@").replace(/%3A/gi, ":").replace(/%24/g, "$")
    .replace(/%2C/gi, ",").replace(/%3B/gi, ";").replace(/%20/g, "+");
}

function inPath(value) {
  return encodeURIComponent(value).replace(/%40/g, "@").replace(/%3A/gi, ":").replace(/%24/g, "$")
    .replace(/%2C/gi, ",").replace(/%26/g, "&").replace(/%3D/gi, "=").replace(/%2B/gi, "+");
}

function queryOf(values) {
  const written = [];
  for (const name of Object.keys(values).sort()) {
    const value = values[name];
    if (value === null || value === undefined) continue;
    written.push(`${inQuery(name)}=${inQuery(typeof value === "object" ? JSON.stringify(value) : value)}`);
  }
  return written.length ? `?${written.join("&")}` : "";
}

// One call; `row` is its place in the table of calls. Never rejects: what comes back says how it went.
function send(row, method, path, {query = {}, body} = {}) {
  told.rows.push(row);
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(method, session.api + path + queryOf(query));
    request.withCredentials = true;
    request.setRequestHeader("Accept", "application/json, text/plain, */*");
    if (session.token !== null) request.setRequestHeader("X-API-TOKEN", session.token);
    if (body !== undefined) request.setRequestHeader("Content-Type", "application/json;charset=UTF-8");
    request.onload = () => {
      let data = request.responseText;
      const type = request.getResponseHeader("Content-Type") || "";
      if (type.startsWith("application/json") || /^[[{]/.test(data)) {
        try { data = JSON.parse(data); } catch (error) { fail(row, `no JSON: ${data.slice(0, 80)}`); }
      }
      resolve({status: request.status, data});
    };
    request.onerror = () => resolve({status: 0, data: null});
    request.send(body === undefined ? null : JSON.stringify(body));
  });
}

// A call that has to succeed, and has to answer with what the client reads.
async function call(row, method, path, options, shape) {
  const answer = await send(row, method, path, options);
  if (answer.status !== 200) fail(row, `${answer.status} ${JSON.stringify(answer.data).slice(0, 300)}`);
  else if (shape !== undefined) check(row, "", answer.data, shape);
  else if (typeof answer.data !== "object" || answer.data === null || Array.isArray(answer.data))
    fail(row, "the client takes an object here");
  return answer.data;
}

// A call that has to fail with something to show.
async function refused(row, status, method, path, options) {
  const answer = await send(row, method, path, options);
  if (answer.status !== status) fail(row, `${answer.status}; expected ${status}: ${JSON.stringify(answer.data)}`);
  else if (typeof answer.data.message !== "string" || !answer.data.message) fail(row, "there is no message to show");
  return answer.data;
}

function check(row, place, value, shape) {
  const wrong = (expected) => fail(row, `${place || "answer"} is ${JSON.stringify(value)}; expected ${expected}`);
  if (typeof shape === "function") { if (!shape(value)) wrong(shape.name || shape.toString()); return; }
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) { wrong("a list"); return; }
    if (shape.length > 1 && value.length < shape[1]) wrong(`${shape[1]} rows or more`);
    value.forEach((one, number) => check(row, `${place}[${number}]`, one, shape[0]));
    return;
  }
  if (typeof shape === "object") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) { wrong("an object"); return; }
    for (const name of Object.keys(shape)) {
      if (!(name in value)) fail(row, `${place}.${name} is missing`);
      else check(row, `${place}.${name}`, value[name], shape[name]);
    }
    return;
  }
  wrong(`a shape and not ${shape}`);
}
