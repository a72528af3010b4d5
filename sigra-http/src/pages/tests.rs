use super::*;

#[test]
fn the_embedded_templates_have_no_fault() {
    let faults = Pages::new("Example", "/auth").check().map_err(PageFaults::into_faults);
    assert_eq!(faults, Ok(()));
}
