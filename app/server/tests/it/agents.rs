use lazaret_format::v1::{AgentBody, ContainerBody, EnrollRequest, EnrollResponse, TokenKind};

use crate::harness::{Server, note, started};

fn request(host: &str, machine: &str) -> EnrollRequest {
    EnrollRequest { host: host.to_owned(), machine_id: machine.to_owned(), version: "0.1.0".to_owned() }
}

#[tokio::test]
async fn a_machine_enrols_again_and_its_old_key_ends() {
    let (server, directory) = Server::fresh().await;
    let admin = &server.client;
    let token = admin.with(&admin.new_token(TokenKind::Enrolment, "e").await);
    let first: EnrollResponse = token.post("/v1/agents/enroll", &request("one", "m-1")).await;
    let agent = admin.with(&first.key);
    agent.report("spool", 1, vec![started("ns:1", "c", None, None)]).await;

    let (status, body) = token.post_refused("/v1/agents/enroll", &request("one", "m-2")).await;
    assert_eq!((status, body.code.as_str()), (409, "conflict"));

    let second: EnrollResponse = token.post("/v1/agents/enroll", &request("uno", "m-1")).await;
    assert_eq!(second.agent_id, first.agent_id);
    assert_ne!(second.key, first.key);
    assert_eq!(agent.get_refused("/v1/agent/actions").await.0, 401);
    let agent = admin.with(&second.key);
    agent.report("spool", 2, vec![note("x")]).await;

    let agents: Vec<AgentBody> = admin.get("/v1/agents").await;
    assert_eq!((agents.len(), agents[0].host.as_str(), agents[0].events), (1, "uno", 2));
    assert!(agents[0].last_seen.is_some());
    let containers: Vec<ContainerBody> = admin.get("/v1/containers").await;
    assert_eq!(containers[0].host, "uno", "its containers come along");
    server.stop().await;

    let server = Server::start(directory.path()).await;
    server.client.with(&second.key).report("spool", 3, vec![note("y")]).await;
    assert_eq!(server.client.with(&first.key).get_refused("/v1/agent/actions").await.0, 401);
    server.stop().await;
}

#[tokio::test]
async fn names_that_are_none_are_refused() {
    let (server, _directory) = Server::fresh().await;
    let token = server.client.with(&server.client.new_token(TokenKind::Enrolment, "e").await);
    for (host, machine) in
        [("", "m"), ("a b", "m"), ("a/b", "m"), ("a", ""), ("a", "m m"), (&"x".repeat(300), "m")]
    {
        let (status, _) = token.post_refused("/v1/agents/enroll", &request(host, machine)).await;
        assert_eq!(status, 400, "{host} {machine}");
    }
    server.stop().await;
}
