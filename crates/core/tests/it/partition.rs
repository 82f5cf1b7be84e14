use stitchwork_core::folder_name;

/// Percent-encodes bytes: those of characters outside of ASCII too, or not.
fn encode(text: &str, all: bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || (!all && !c.is_ascii()) {
            out.push(c);
        } else {
            c.to_string().bytes().for_each(|byte| out += &format!("%{byte:02X}"));
        }
    }
    out
}

#[test]
fn long_names_of_folders_are_cut_between_characters() {
    for all in [true, false] {
        for text in ["x", "é", "€", "😀", "/", "=%"] {
            for before in ["", "a", "ab"] {
                let value = format!("{before}{}", text.repeat(300));
                let name = folder_name(format!("p={}", encode(&value, all)));
                assert!(name.len() <= 120 && name.len() > 120 - 12, "{name}");
                let (kept, checksum) = name.rsplit_once('-').unwrap();
                assert_eq!(checksum.len(), 8);
                let whole =
                    |length| format!("p={}", encode(&value.chars().take(length).collect::<String>(), all));
                assert!((0..120).any(|length| whole(length) == kept), "{name} is cut within a character");
                let other = folder_name(format!("p={}", encode(&format!("{value}y"), all)));
                assert_ne!(name, other, "another value, another name");
            }
        }
    }
    for short in [String::new(), "p=x".to_owned(), "x".repeat(120)] {
        assert_eq!(folder_name(short.clone()), short);
    }
}
