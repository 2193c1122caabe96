// Drives the client that openapi-generator makes for axios; prints what tests/sdk/test_languages.py expects.
import { isAxiosError } from "axios";
import { Configuration, OAuth2TokensApi, TeamsApi, UsersApi, type Problem } from "./index.js";

const basePath = process.argv[2];
const tokens = new OAuth2TokensApi(new Configuration({ basePath }));
const { data: token } = await tokens.createToken("password", "documentation", undefined, "user", "w");
const configuration = new Configuration({ basePath, accessToken: token.access_token });
console.log((await new UsersApi(configuration).getMe()).data.username);

const teams = new TeamsApi(configuration);
const { data: team } = await teams.createTeam({ title: "Engines" });
console.log(team.title);

const rename = { op: "replace", path: "/title", value: "Difference engines" } as const;
console.log((await teams.patchTeam(team.id, [rename])).data.title);
console.log((await teams.listTeams(1)).data.length);

try {
  await teams.createTeam({ title: "x" });
} catch (error) {
  if (!isAxiosError<Problem>(error) || !error.response) throw error;
  console.log(error.response.data.status, error.response.data.title);
}
