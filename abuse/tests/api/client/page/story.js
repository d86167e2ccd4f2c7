"use strict";

async function main() {
  const given = await (await fetch("given.json")).json();
  session.api = given.api;
  try {
    await login(given);
    await shell(given);
    await dashboard(given);
    await search(given);
    await ticketPage(given);
    await interact(given);
    await reportPage(given);
    await reportMoves(given);
    await diaporama(given);
    await many(given);
    if (given.isAdmin) await administration(given);
    else await closedDoors(given);
    await logout(given);
  } catch (error) {
    told.failures.push(`the page itself: ${error.stack || error}`);
  }
  await fetch("told", {method: "POST", body: JSON.stringify(told)});
}

main();
