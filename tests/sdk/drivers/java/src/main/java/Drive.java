// Drives the client that openapi-generator makes for Java; prints what tests/sdk/test_languages.py expects.
import java.util.Collections;
import org.example.grail.ApiClient;
import org.example.grail.ApiException;
import org.example.grail.api.OAuth2TokensApi;
import org.example.grail.api.TeamsApi;
import org.example.grail.api.UsersApi;
import org.example.grail.model.PatchOperation;
import org.example.grail.model.Problem;
import org.example.grail.model.TeamInput;
import org.example.grail.model.TeamView;

public class Drive {
    public static void main(String[] arguments) throws Exception {
        ApiClient client = new ApiClient();
        client.setBasePath(arguments[0]);
        String token = new OAuth2TokensApi(client)
            .createToken("password", "documentation", null, "user", "w", null, null, null, null, null)
            .getAccessToken();
        client.setAccessToken(token);
        System.out.println(new UsersApi(client).getMe(null).getUsername());

        TeamsApi teams = new TeamsApi(client);
        TeamView team = teams.createTeam(new TeamInput().title("Engines"), null);
        System.out.println(team.getTitle());

        PatchOperation rename = new PatchOperation()
            .op(PatchOperation.OpEnum.REPLACE).path("/title").value("Difference engines");
        System.out.println(teams.patchTeam(team.getId(), Collections.singletonList(rename), null, null).getTitle());
        System.out.println(teams.listTeams(1, null, null, null, null, null).size());

        try {
            teams.createTeam(new TeamInput().title("x"), null);
        } catch (ApiException refused) {
            Problem problem = Problem.fromJson(refused.getResponseBody());
            System.out.println(problem.getStatus() + " " + problem.getTitle());
        }
    }
}
