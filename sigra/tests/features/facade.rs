//! The facade reaches every crate and every feature, and a module has the name of its feature.

use crate::manifest::{Crate, crates, root};

fn facade_and_rest() -> (Crate, Vec<Crate>) {
    let mut all = crates();
    let facade = all.remove(0);
    assert!(facade.is_facade());
    (facade, all)
}

#[test]
fn library_crates_default_to_no_features() {
    let (facade, rest) = facade_and_rest();
    for one in rest {
        assert!(one.default().is_empty(), "{} turns on {:?}", one.name, one.default());
        assert!(
            one.choices().next().is_none() || one.manifest.contains("\ndefault = []\n"),
            "{} does not say",
            one.name
        );
    }
    assert_eq!(facade.default(), ["crypto", "http", "mail"]);
}

#[test]
fn every_crate_is_a_module_with_the_name_of_its_feature() {
    let (facade, rest) = facade_and_rest();
    let source = std::fs::read_to_string(root().join("sigra/src/lib.rs")).unwrap();
    // What the macros define is handed on by `sigra-core`.
    for one in rest.iter().filter(|one| !["sigra-core", "sigra-macros"].contains(&one.name.as_str())) {
        let dependency = format!("dep:{}", one.name);
        let feature = facade
            .choices()
            .find(|feature| feature.enables.contains(&dependency))
            .unwrap_or_else(|| panic!("no feature of the facade brings {}", one.name));
        let module = format!(
            "#[cfg(feature = \"{0}\")]\n#[doc(inline)]\npub use {1} as {0};\n",
            feature.name,
            one.name.replace('-', "_")
        );
        assert!(source.contains(&module), "src/lib.rs lacks\n{module}");
    }
}

#[test]
fn every_feature_can_be_chosen_through_the_facade() {
    let (facade, rest) = facade_and_rest();
    for one in &rest {
        for feature in one.choices() {
            let wanted = format!("{}/{}", one.name, feature.name);
            // With a question mark where the crate itself is another feature's to bring.
            let turns_on = |enabled: &String| enabled.replacen('?', "", 1) == wanted;
            assert!(facade.choices().any(|chosen| chosen.enables.iter().any(turns_on)), "no feature turns on {wanted}");
        }
    }
}
