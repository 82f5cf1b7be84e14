use super::{texts, values};

fn hidden(text: &str) -> String {
    let mut out = String::new();
    let mut from = 0;
    for value in values(text) {
        let place = super::hidden(text, &value);
        out.push_str(&text[from..place.start]);
        out.push_str("***");
        from = place.end;
    }
    out + &text[from..]
}

#[test]
fn values_of_sql_are_hidden_however_they_are_written() {
    for (text, expected) in [
        (
            "select * from parquet('s3://b/x.parquet', secret_access_key => 'CANARY', region => 'eu')",
            "select * from parquet('s3://b/x.parquet', secret_access_key => '***', region => 'eu')",
        ),
        ("f(\"Secret_Access_Key\" = 'CANARY')", "f(\"Secret_Access_Key\" = '***')"),
        ("f(secret:='CANARY')", "f(secret:='***')"),
        ("f(PASSWORD=>'CANARY')", "f(PASSWORD=>'***')"),
        ("f(api_key => $$CAN'ARY$$, a => 1)", "f(api_key => $$***$$, a => 1)"),
        ("f(api_key = $t$CAN$$ARY$t$, a => 1)", "f(api_key = $t$***$t$, a => 1)"),
        ("f(token => \"CANARY\")", "f(token => \"***\")"),
        (
            "create secret x (type s3, key_id 'ID', secret 'CANARY', key 'CANARY')",
            "create secret x (type s3, key_id 'ID', secret '***', key '***')",
        ),
        ("create user me password'CANARY'", "create user me password'***'"),
        ("f(token => f('CANARY', g(1)), a => 1)", "f(token => ***, a => 1)"),
        ("f(token => 'CAN' || 'ARY')", "f(token => ***)"),
        ("f(token = f('CANARY'), a => 1)", "f(token = ***, a => 1)"),
        ("f(token = 'CAN' || lower ('ARY')::text, a => 1)", "f(token = ***, a => 1)"),
        ("f(token 'CAN' || 'ARY', a 1)", "f(token ***, a 1)"),
        ("f(token => e'CAN\\'ARY', a => 1)", "f(token => e'***', a => 1)"),
        ("f(token => 'CAN''ARY', a => 1)", "f(token => '***', a => 1)"),
        ("f(token => ['CANARY', 'CANARY'], a => 1)", "f(token => ***, a => 1)"),
        ("f(token /* a */ => -- b\n 'CANARY')", "f(token /* a */ => -- b\n '***')"),
        ("token => CANARY; select 1", "token => ***; select 1"),
        ("secret 'CAN\n'\n'ARY' x", "secret *** x"),
        ("secret 'CANARY without an end", "secret '***"),
    ] {
        assert_eq!(hidden(text), expected);
    }
}

#[test]
fn values_within_texts_and_messages_are_hidden() {
    for (text, expected) in [
        ("no table \"parquet(secret => 'CANARY')\".x", "no table \"parquet(secret => '***')\".x"),
        ("'f(secret => ''CAN,ARY'', a => 1)'", "'f(secret => ''***'', a => 1)'"),
        ("'f(secret = ''CANARY'')'", "'f(secret = ''***'')'"),
        (r#""{\"token\": \"CANARY\", \"n\": \"x\"}""#, r#""{\"token\": \"***\", \"n\": \"x\"}""#),
        (r#"{"api token": "CANARY"}"#, r#"{"api token": "***"}"#),
        ("'my secret' 'CANARY', 'aws.secret' 'CANARY'", "'my secret' '***', 'aws.secret' '***'"),
        (r"sql=secret\n'CANARY'", r"sql=secret\n'***'"),
        ("Filter: t.password = Utf8(\"CANARY\") AND a = 1", "Filter: t.password = *** AND a = 1"),
        ("refused: token=CANARY+/= stream=s", "refused: token=*** stream=s"),
    ] {
        assert_eq!(hidden(text), expected);
    }
}

#[test]
fn what_promises_nothing_is_left() {
    for text in [
        "select 'token', 'text' where a = 'it''s'",
        "select token, monkey from t where monkey = 'x' and a = 'token' and b = 'c'",
        "where passenger = 'x' and password_changed_at >= '2024-01-01'",
        "there is no key 'x' in it; primary_key=id known=token,secret root=x",
        "the API refuses the credentials, or there are none status=401",
    ] {
        assert_eq!(hidden(text), text);
    }
}

#[test]
fn the_texts_of_a_value_are_found() {
    assert_eq!(texts("f('a', $$b$$) || \"c\""), ["a", "b", "c"]);
    assert_eq!(texts("abc"), ["abc"]);
}
