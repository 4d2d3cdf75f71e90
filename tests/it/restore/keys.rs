//! Pre-keys that WhatsApp still gives out after a restore, and what it tells of them.

use std::fs;
use std::path::Path;

use wmctl::sim::SimConfig;

use super::files::{beside, put_inside};
use super::scene::Scene;

const RUN: &[&str] = &["run"];

/// Everything that the machine has: the database, and what is kept outside of it.
fn image(scene: &Scene, to: &Path) {
    fs::create_dir(to).unwrap();
    for (from, name) in parts(scene) {
        fs::copy(from, to.join(name)).unwrap();
    }
}

fn parts(scene: &Scene) -> Vec<(std::path::PathBuf, String)> {
    let database = scene.wmctl.database();
    let marks = scene.folder().join(".local/state/wmctl/marks");
    let mut parts = vec![
        (beside(&database, ""), String::from("database")),
        (beside(&database, ".default.mark"), String::from("beside")),
    ];
    for mark in fs::read_dir(marks).unwrap() {
        parts.push((mark.unwrap().path(), String::from("mark")));
    }
    assert_eq!(parts.len(), 3, "one account runs here");
    parts
}

/// A machine that is set back as a whole, after the account was given fresh pre-keys.
async fn set_back(uploads_replace: bool) -> Scene {
    let config = SimConfig {
        uploads_replace,
        ..SimConfig::default()
    };
    let mut scene = Scene::set_beside(None, RUN, config).await;
    scene.talk("before", 2).await;
    scene.stop().await;
    let image_of = scene.folder().join("image");
    image(&scene, &image_of);
    scene.start().await;
    scene.talk("lost", 5).await;
    scene.use_up_keys().await;
    scene.stop().await;
    for (to, name) in parts(&scene) {
        put_inside(&image_of.join(name), &to);
    }
    scene.start().await;
    scene
}

/// No file shows it: WhatsApp tells of keys that the database has never heard of.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_set_back_as_a_whole() {
    let mut scene = set_back(false).await;
    scene.goes_on("pre_key").await;
    // A contact that got a key from before the restore sends a retry receipt.
    scene.a_stranger_writes().await;
    scene.no_key_twice().await;
    scene.stop().await;
}

/// Where an upload takes the place of what is there, the first message is read at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_given_keys_of_after_the_restore() {
    let mut scene = set_back(true).await;
    scene.goes_on("pre_key").await;
    let asked = scene.retries().await;
    scene.a_stranger_writes().await;
    assert_eq!(scene.retries().await, asked, "nobody asks for it again");
    scene.no_key_twice().await;
    scene.stop().await;
}
