/** What a client does with a resource that `module.create` made: `node resource.js URL`. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ExhibitsApi, TeamsApi, UsersApi } from "grail-client";
import { problemOf } from "grail-client/answers";
import { OAuth2Client } from "grail-client/oauth2";

const basePath = process.argv[2] ?? "http://127.0.0.1:8000";

/** Signs in as somebody of the development data. */
async function signedIn(name: string, password: string): Promise<OAuth2Client> {
  const client = new OAuth2Client({ basePath, clientId: "documentation" });
  await client.signIn(name, password);
  return client;
}

/** Expects a refusal, and returns its status with what it points to. */
async function refusal(call: Promise<unknown>): Promise<[number | undefined, string | undefined]> {
  try {
    await call;
  } catch (error) {
    const problem = await problemOf(error);
    return [problem?.status, problem?.errors?.[0]?.pointer];
  }
  throw new assert.AssertionError({ message: "a refusal was expected" });
}

const { configuration } = await signedIn("user", "w");
const teams = new TeamsApi(configuration);
const exhibits = new ExhibitsApi(configuration);
const { id: userId } = await new UsersApi(configuration).getMe();
const { id: teamId } = await teams.createTeam({ teamInput: { title: "Museum" } });
const name = `Engine ${randomUUID()}`;
const shown = await exhibits.createExhibit({
  exhibitInput: { teamId, name, status: "shown", curatorId: userId },
});
const stored = await exhibits.createExhibit({ exhibitInput: { teamId, name: `${name} 2`, status: "stored" } });

const taken = exhibits.createExhibit({ exhibitInput: { teamId, name: name.toUpperCase() } });
assert.deepEqual(await refusal(taken), [409, "/name"]);
const lost = exhibits.createExhibit({ exhibitInput: { teamId, name: `${name} 3`, curatorId: teamId } });
assert.deepEqual(await refusal(lost), [422, "/curator_id"]);

const ofTeam = await exhibits.listExhibitsOfTeam({ teamId });
assert.deepEqual(ofTeam.map(({ id }) => id), [shown.id, stored.id]);
assert.deepEqual(await refusal(exhibits.listExhibitsOfUser({ userId })), [403, undefined]);
const root = await signedIn("root", "q");
const admins = new ExhibitsApi(root.configuration);
const ofUser = await admins.listExhibitsOfUser({ userId, limit: 100 });
assert.ok(ofUser.some(({ id }) => id === shown.id));
const found = await admins.listExhibits({ status: "stored" });
assert.ok(found.some(({ id }) => id === stored.id));
assert.ok(!found.some(({ id }) => id === shown.id));

await teams.deleteTeam({ teamId });
assert.deepEqual(await refusal(exhibits.getExhibit({ exhibitId: shown.id })), [404, undefined]);
console.log("done");
