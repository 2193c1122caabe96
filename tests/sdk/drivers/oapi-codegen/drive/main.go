// Drives the client that oapi-codegen makes; prints what tests/sdk/test_languages.py expects.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	grail "example.org/grail/client"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func text(value string) *string { return &value }

func main() {
	ctx := context.Background()
	client, err := grail.NewClientWithResponses(os.Args[1])
	check(err)
	token, err := client.CreateTokenWithFormdataBodyWithResponse(ctx, grail.TokenForm{
		GrantType: "password", ClientId: text("documentation"), Username: text("user"), Password: text("w"),
	})
	check(err)
	bearer := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+token.JSON200.AccessToken)
		return nil
	}

	me, err := client.GetMeWithResponse(ctx, nil, bearer)
	check(err)
	fmt.Println(me.JSON200.Username)

	team, err := client.CreateTeamWithResponse(ctx, nil, grail.TeamInput{Title: "Engines"}, bearer)
	check(err)
	fmt.Println(team.JSON201.Title)

	var title any = "Difference engines"
	rename := grail.PatchOperation{Op: "replace", Path: "/title", Value: &title}
	renamed, err := client.PatchTeamWithApplicationJSONPatchPlusJSONBodyWithResponse(
		ctx, *team.JSON201.Id, nil, []grail.PatchOperation{rename}, bearer)
	check(err)
	fmt.Println(renamed.JSON200.Title)

	limit := int32(1)
	listed, err := client.ListTeamsWithResponse(ctx, &grail.ListTeamsParams{Limit: &limit}, bearer)
	check(err)
	fmt.Println(len(*listed.JSON200))

	refused, err := client.CreateTeamWithResponse(ctx, nil, grail.TeamInput{Title: "x"}, bearer)
	check(err)
	fmt.Println(refused.ApplicationproblemJSON422.Status, refused.ApplicationproblemJSON422.Title)
}
