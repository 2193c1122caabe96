/** From signing up to signing out: `npm run example http://127.0.0.1:8000`, with `make run` going. */
import { randomUUID } from "node:crypto";
import { Configuration, ResponseError, TeamsApi, UsersApi, type Team } from "grail-client";
import { every, problemOf } from "grail-client/answers";
import { OAuth2Client } from "grail-client/oauth2";

async function signUpAndIn(basePath: string): Promise<OAuth2Client> {
  const name = `ada-${randomUUID().slice(0, 8)}`;
  const client = new OAuth2Client({ basePath, clientId: "documentation" });
  const signUp = {
    username: name,
    email: `${name}@example.org`,
    password: "analytical engine",
    recaptchaKey: "secret_key", // what solves the captcha on a local stage
  };
  const user = await new UsersApi(client.configuration).createUser({ signUp });
  await client.signIn(user.username, "analytical engine");
  const me = await new UsersApi(client.configuration).getMe();
  console.log(me.username, "is signed in");
  return client;
}

async function listTeams(client: OAuth2Client): Promise<void> {
  const teams = new TeamsApi(client.configuration);
  for (const title of ["Explorers", "Inventors", "Pioneers"]) {
    await teams.createTeam({ teamInput: { title } });
  }
  const first = await teams.listTeamsRaw({ limit: 2 });
  console.log((await first.value()).length, "of", first.raw.headers.get("X-Total-Count"), "teams");
  for await (const team of every((cursor) => teams.listTeamsRaw({ cursor, limit: 2 }))) {
    console.log("-", team.title);
  }
}

async function renameTeam(client: OAuth2Client): Promise<void> {
  const teams = new TeamsApi(client.configuration);
  const { id: teamId } = await teams.createTeam({ teamInput: { title: "Engines" } });
  const version = (await teams.getTeamRaw({ teamId })).raw.headers.get("ETag") ?? "";
  const rename = { op: "replace", path: "/title", value: "Difference engines" } as const;
  const renamed = await teams.patchTeam({ teamId, patchOperation: [rename], ifMatch: version });
  console.log(renamed.title);
  try {
    await teams.patchTeam({ teamId, patchOperation: [rename], ifMatch: version });
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    console.log(error.response.status, "- somebody was faster: read it again, and decide");
  }
}

async function explainRefusal(basePath: string): Promise<void> {
  const signUp = {
    username: "ada",
    email: "ada@example.org",
    password: "password123",
    recaptchaKey: "secret_key",
  };
  try {
    await new UsersApi(new Configuration({ basePath })).createUser({ signUp });
  } catch (error) {
    const problem = await problemOf(error);
    if (!problem) throw error;
    console.log(problem.title, problem.type);
    for (const violation of problem.errors ?? []) {
      console.log(violation.pointer, violation.detail);
    }
  }
}

async function workAsService(basePath: string): Promise<Team[]> {
  const service = new OAuth2Client({
    basePath,
    clientId: "service",
    clientSecret: "development-secret",
    scopes: ["teams:read"],
  });
  await service.signInAsClient();
  const teams = new TeamsApi(service.configuration);
  const listed = await teams.listTeams({ limit: 2 });
  return Promise.all(listed.map((team) => teams.getTeam({ teamId: team.id })));
}

const basePath = process.argv[2] ?? "http://127.0.0.1:8000";
const client = await signUpAndIn(basePath);
await listTeams(client);
await renameTeam(client);
await explainRefusal(basePath);
console.log((await workAsService(basePath)).length, "teams seen by the service");
await client.signOut();
console.log("signed out:", (await client.accessToken()) === undefined);
