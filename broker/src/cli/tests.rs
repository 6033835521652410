//! What the command line accepts and refuses.

use clap::{CommandFactory as _, Parser as _};

use super::*;

fn parse(arguments: &str) -> Result<Cli, clap::Error> {
    let words = arguments.split_whitespace();
    Cli::try_parse_from(std::iter::once("jackdaw").chain(words)).and_then(check_server_options)
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn good_lines_are_accepted() {
    let lines = [
        "",
        "--config server.properties --override a=b --override c=d",
        "--log info,jackdaw_net=debug",
        "--log debug topic list",
        "topic list --log debug --names",
        "topic list --internal --format json -b a:1,b:2",
        "topic create a b -p 3 -r 2 -c k=v --if-not-exists --validate-only",
        "topic create a --replica-assignment 1:2,2:3",
        "topic describe a --all-configs --timeout 0.5",
        "topic alter a b -c k=v --unset l --validate-only",
        "topic partitions a --to 3 --replica-assignment 1:2,2:1",
        "topic offsets a b:0-2 --at 2h",
        "topic delete-records a:0 b --before 10 --execute",
        "topic delete-records a --before 2026-11-24T10:00:00Z --format json",
        "topic delete a b --if-exists",
        "config describe topic/a k l --docs --set-only --format json",
        "config set cluster k=v l= --append m=a --subtract n=b --validate-only",
        "config set topic/a --append cleanup.policy=compact",
        "config unset group/g k l",
        "config diff broker/1 client-metrics/m",
        "group list --state empty,PreparingRebalance --type classic --type Consumer --names",
        "group describe g h --format json",
        "group members g -b a:1",
        "group lag",
        "group lag g --format json",
        "group watch g -i 0.5 -n 3",
        "group reset g --topic t:0-3,7 --topic u --to earliest --execute",
        "group reset g --all-topics --to 2h",
        "group reset g --all-topics --to time:1700000000000",
        "group reset g -t t --shift-by -10",
        "group reset g -t t --to 1500 --execute --clamp",
        "group delete g h --if-exists",
        "group delete g --topic t:0",
        "produce t -f file -k : --null NULL -H a=b -H c= -p 3 -z zstd --acks 0 --summary json",
        "produce t --format json --repartition --acks all --no-idempotence",
        "produce t --acks -1",
        "consume t",
        "consume t --group g --follow --from latest",
        "consume t -p 0,2 --from -10 -n 3 --show offset,key,value --separator , --null -",
        "consume t --from time:2026-11-24T10:00:00Z --format json --isolation read-committed -f",
        "storage format --config f --cluster-id AAAAAAAAAAAAAAAAAAAAAQ --ignore-formatted",
        "api-versions --bootstrap-server [::1]:9092",
        "completion bash",
    ];
    for line in lines {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn bad_lines_are_refused() {
    let lines = [
        "serve",
        "--log loud",
        "--config f topic list",
        "topic",
        "topic create",
        "topic create a --partitions 0",
        "topic create a --partitions 3 --replica-assignment 1",
        "topic list --names --format json",
        "topic list --timeout 0",
        "topic list -b host:0",
        "topic alter a",
        "topic alter a -c k",
        "topic partitions a",
        "topic partitions a --to 0",
        "topic offsets a --at latest",
        "topic delete-records a",
        "topic delete-records a --before current",
        "config",
        "config describe a",
        "config describe broker/x",
        "config set topic/a",
        "config set topic/a k",
        "config unset topic/a",
        "config diff",
        "group",
        "group list --state asleep",
        "group list --names --format json",
        "group describe",
        "group lag g h",
        "group watch g -n 0",
        "group reset g --to earliest",
        "group reset g --topic t",
        "group reset g --topic t --all-topics --to latest",
        "group reset g --topic t --to latest --shift-by 1",
        "group reset g --topic t --to soon",
        "group reset g --topic t: --to latest",
        "group delete",
        "produce",
        "produce t -z brotli",
        "produce t --acks 2",
        "produce t -H novalue",
        "produce t -k",
        "produce t -p -1",
        "produce t --partition 1 --repartition",
        "consume t --from yesterday",
        "consume t --group g --partition 0",
        "consume t --show everything",
        "consume t -n many",
        "storage format --cluster-id short",
        "completion tcsh",
    ];
    for line in lines {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn a_group_without_a_name_is_refused() {
    let lines = [
        "group describe g ''",
        "group members ''",
        "group lag ''",
        "group watch ''",
        "group reset '' --topic t --to earliest",
        "group delete ''",
        "consume t --group ''",
        "config describe group/",
    ];
    for line in lines {
        let words = line.split_whitespace().map(|word| if word == "''" { "" } else { word });
        let parsed = Cli::try_parse_from(std::iter::once("jackdaw").chain(words));
        assert_eq!(parsed.err().map(|error| error.exit_code()), Some(2), "{line}");
    }
}

#[test]
fn every_client_command_has_examples_and_an_about() {
    fn check(command: &clap::Command) {
        for sub in command.get_subcommands() {
            let name = sub.get_name();
            assert!(sub.get_about().is_some(), "{name} lacks a sentence");
            if sub.has_subcommands() {
                check(sub);
            } else {
                let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(
                    help.contains(&format!("jackdaw {name}")) || help.contains(&format!(" {name} ")),
                    "{name}"
                );
            }
        }
    }
    check(&Cli::command());
}
