use stitchwork_core::{ErrorKind, TableIdent};

#[test]
fn idents_round_trip_and_refuse_empty_parts() {
    for text in ["t", "a.t", "a.b.t"] {
        assert_eq!(text.parse::<TableIdent>().unwrap().to_string(), text);
    }
    for text in ["", ".", "a..b", "a."] {
        assert!(text.parse::<TableIdent>().is_err(), "{text}");
    }
    for ident in [TableIdent::bare(""), TableIdent::new("", "t"), TableIdent::new("a", "")] {
        let error = ident.check().unwrap_err();
        assert_eq!(
            (error.kind(), error.context("name")),
            (ErrorKind::InvalidInput, Some(&*ident.to_string()))
        );
    }
}
