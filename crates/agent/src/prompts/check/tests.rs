use super::*;
use crate::prompts::Prompts;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts");

/// The shipped prompts with some files replaced; an empty text removes the file.
fn with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, source) in read(Path::new(SHIPPED)).unwrap() {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
    }
    for (name, source) in files {
        let path = dir.path().join(name);
        match source.is_empty() {
            true => fs::remove_file(path).unwrap(),
            false => fs::write(path, source).unwrap(),
        }
    }
    dir
}

fn faults(files: &[(&str, &str)]) -> Vec<(String, usize, String)> {
    let dir = with(files);
    match Prompts::load(dir.path()) {
        Err(PromptError::Faulty(faults)) => {
            let name = |fault: &Fault| fault.file.strip_prefix(dir.path()).unwrap().to_owned();
            let told =
                |fault: Fault| (name(&fault).display().to_string(), fault.line, fault.problem);
            faults.into_iter().map(told).collect()
        }
        other => panic!("expected faults, found {other:?}"),
    }
}

#[test]
fn the_shipped_prompts_are_sound() {
    let checked = crate::prompts::check(Path::new(SHIPPED)).unwrap();
    assert!(CATALOGUE.iter().all(|t| checked.contains(&Path::new(SHIPPED).join(t.name))));
}

#[test]
fn an_unknown_variable_is_named_with_its_file_and_line() {
    for (source, line, variable) in [
        ("Hello\n{{ nmae }}", 2, "nmae"),
        ("{{ name }}\n\n{% if askr %}x{% endif %}", 3, "askr"),
        ("nick\n{{ asker.nick }}", 2, "asker.nick"),
        ("{{ name\n  ~ reason }}", 2, "reason"),
        ("{% if false %}\n{{ hidden }}{% endif %}", 2, "hidden"),
    ] {
        let found = faults(&[("system.md.j2", source)]);
        let [(file, at, problem)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((file.as_str(), *at), ("system.md.j2", line), "{source}");
        assert!(problem.contains(&format!("unknown variable `{variable}`")), "{problem}");
        assert!(problem.contains("servers_down") && problem.contains("README"), "{problem}");
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let found = faults(&[("system.md.j2", "{{ a }}\n{{ b }}"), ("notice.md.j2", "{{ name }}")]);
    let told: Vec<_> = found.iter().map(|(file, line, _)| (file.as_str(), *line)).collect();
    assert_eq!(told, [("notice.md.j2", 1), ("system.md.j2", 1), ("system.md.j2", 2)]);
}

#[test]
fn a_template_that_does_not_parse_is_named_with_its_line() {
    let found = faults(&[("notice.md.j2", "one\n{% if %}\n")]);
    assert_eq!((found[0].0.as_str(), found[0].1), ("notice.md.j2", 2));
}

#[test]
fn what_only_shows_when_rendering_is_found_as_well() {
    for (source, line) in [
        ("a\n{% include \"nowhere.md.j2\" %}", 2),
        ("a\nb\n{{ name | no_such_filter }}", 3),
        ("a\n{% set x = asker %}{{ x.nick }}", 2),
        ("{% for i in range(99999) %}{{ i }}{% endfor %}", 1),
        ("{% set x = {} %}\n{{ x.y.z }}", 2),
    ] {
        let found = faults(&[("system.md.j2", source)]);
        assert_eq!((found[0].0.as_str(), found[0].1), ("system.md.j2", line), "{source} {found:?}");
    }
}

#[test]
fn an_included_part_is_checked_too() {
    let found = faults(&[
        ("part.md.j2", "x\n{{ nothing_known }}"),
        ("system.md.j2", "{% include \"part.md.j2\" %}"),
    ]);
    assert_eq!((found[0].0.as_str(), found[0].1), ("part.md.j2", 2));
    let dir = with(&[
        ("part.md.j2", "Hello {{ asker.name }}"),
        (
            "system.md.j2",
            "{% include \"part.md.j2\" %}{% for x in servers_down %}{{ x }}{% endfor %}",
        ),
    ]);
    Prompts::load(dir.path()).unwrap();
}

#[test]
fn missing_prompts_are_told_by_name() {
    let dir = with(&[("notice.md.j2", "")]);
    let error = Prompts::load(dir.path()).unwrap_err();
    assert!(matches!(error, PromptError::Missing { name: "notice.md.j2", .. }), "{error}");
    let error = Prompts::load(Path::new("/nowhere/at/all")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

#[test]
fn a_template_that_is_too_large_is_refused() {
    let large = "x".repeat(usize::try_from(TEMPLATE_BYTES_MAX).unwrap() + 1);
    let dir = with(&[("system.md.j2", &large)]);
    assert!(matches!(Prompts::load(dir.path()), Err(PromptError::TooMuch { .. })));
}
