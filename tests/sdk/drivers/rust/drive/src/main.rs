//! Drives the client that openapi-generator makes for Rust; prints what tests/sdk/test_languages.py expects.
use grail_client::apis::configuration::Configuration;
use grail_client::apis::teams_api::{create_team, list_teams, patch_team, CreateTeamError};
use grail_client::apis::{o_auth2_tokens_api::create_token, users_api::get_me, Error};
use grail_client::models::{patch_operation::Op, PatchOperation, TeamInput};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base_path = std::env::args().nth(1).ok_or("no address")?;
    let mut client = Configuration { base_path, ..Configuration::default() };
    let (name, app) = (Some("user"), Some("documentation"));
    let token =
        create_token(&client, "password", app, None, name, Some("w"), None, None, None, None, None).await?;
    client.oauth_access_token = Some(token.access_token);
    println!("{}", get_me(&client, None).await?.username);

    let team = create_team(&client, TeamInput::new("Engines".into()), None).await?;
    println!("{}", team.title);

    let mut rename = PatchOperation::new(Op::Replace, "/title".into());
    rename.value = Some(Some("Difference engines".into()));
    println!("{}", patch_team(&client, &team.id, vec![rename], None, None).await?.title);
    println!("{}", list_teams(&client, Some(1), None, None, None, None, None).await?.len());

    match create_team(&client, TeamInput::new("x".into()), None).await {
        Err(Error::ResponseError(refused)) => match refused.entity {
            Some(CreateTeamError::Status400(problem)) => println!("{} {}", problem.status, problem.title),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
    Ok(())
}
