// Drives the client that openapi-generator makes for Go; prints what tests/sdk/test_languages.py expects.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"golang.org/x/oauth2"

	grail "example.org/grail/client"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	configuration := grail.NewConfiguration()
	configuration.Servers = grail.ServerConfigurations{{URL: os.Args[1]}}
	client := grail.NewAPIClient(configuration)

	token, _, err := client.OAuth2TokensAPI.CreateToken(context.Background()).
		GrantType("password").ClientId("documentation").Username("user").Password("w").Execute()
	check(err)
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token.AccessToken})
	signedIn := context.WithValue(context.Background(), grail.ContextOAuth2, source)

	me, _, err := client.UsersAPI.GetMe(signedIn).Execute()
	check(err)
	fmt.Println(me.Username)

	team, _, err := client.TeamsAPI.CreateTeam(signedIn).TeamInput(*grail.NewTeamInput("Engines")).Execute()
	check(err)
	fmt.Println(team.Title)

	rename := grail.NewPatchOperation("replace", "/title")
	rename.Value = "Difference engines"
	renamed, _, err := client.TeamsAPI.PatchTeam(signedIn, team.Id).
		PatchOperation([]grail.PatchOperation{*rename}).Execute()
	check(err)
	fmt.Println(renamed.Title)

	listed, _, err := client.TeamsAPI.ListTeams(signedIn).Limit(1).Execute()
	check(err)
	fmt.Println(len(listed))

	_, _, err = client.TeamsAPI.CreateTeam(signedIn).TeamInput(*grail.NewTeamInput("x")).Execute()
	var refused *grail.GenericOpenAPIError
	if !errors.As(err, &refused) {
		log.Fatal(err)
	}
	problem := refused.Model().(grail.Problem)
	fmt.Println(problem.Status, problem.Title)
}
