use jackdaw_core::{config::Settings, metadata::read_snapshot};
use jackdaw_ring::{Executor, UringConfig, UringDriver};

use super::*;

/// A directory of this test's own, and a configuration whose logs are below it.
fn with_config<F>(name: &str, dirs: &[&str], test: impl FnOnce(PathBuf, BrokerConfig) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let base = std::env::temp_dir().join(format!("jackdaw-format-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&base);
    let log_dirs: Vec<_> = dirs.iter().map(|dir| base.join(dir).display().to_string()).collect();
    let mut settings = Settings::default();
    settings.read_override(&format!("log.dirs={}", log_dirs.join(","))).unwrap();
    let (config, _) = BrokerConfig::new(settings).unwrap();
    let driver = UringDriver::new(&UringConfig::default()).unwrap();
    Executor::new(std::rc::Rc::new(driver)).run(test(base.clone(), config));
    std::fs::remove_dir_all(&base).unwrap();
}

#[test]
fn all_directories_of_one_cluster_and_the_bootstrap_in_one_of_them() {
    with_config("all", &["a", "b"], |base, config| async move {
        let done = format(&config, Some("c".to_owned()), false).await.unwrap();
        assert_eq!(done.formatted, [base.join("a"), base.join("b")]);
        let read = |dir| MetaProperties::read(&base.join(dir)).unwrap().unwrap();
        assert_eq!((read("a").cluster_id, read("b").cluster_id), ("c".to_owned(), "c".to_owned()));
        assert_ne!(read("a").directory_id, read("b").directory_id);
        assert!(!MetadataDir::new(&base.join("b")).exists().unwrap());
        let metadata = MetadataDir::new(&base.join("a"));
        let snapshot = read_snapshot(&metadata.read_snapshot(BOOTSTRAP).await.unwrap()).unwrap();
        assert_eq!(snapshot.records, default_bootstrap_records());
    });
}

#[test]
fn formatted_directories_are_refused_or_left_alone() {
    with_config("again", &["a", "b"], |base, config| async move {
        let one = format(&config, None, false).await.unwrap();
        std::fs::remove_file(base.join("b/meta.properties")).unwrap();
        let refused = format(&config, None, false).await.unwrap_err().to_string();
        assert!(refused.contains("--ignore-formatted"), "{refused}");
        let other = format(&config, Some("x".to_owned()), true).await.unwrap_err().to_string();
        assert!(other.contains(&one.cluster_id), "{other}");
        let two = format(&config, None, true).await.unwrap();
        assert_eq!((two.cluster_id, two.formatted), (one.cluster_id, vec![base.join("b")]));
        assert_eq!(two.skipped, [base.join("a")]);
    });
}
