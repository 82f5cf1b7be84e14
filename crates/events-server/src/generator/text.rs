//! Text in many scripts, and with the characters that careless code trips over.

use serde_json::{Value, json};

use crate::rng::Rng;

pub(super) const HANDLES: [&str; 20] = [
    "ada", "bjorn", "chen", "dmitri", "emeka", "fatima", "grace", "hiro", "ines", "jun", "kavya", "linus",
    "mei", "noor", "olga", "pavel", "quentin", "ravi", "sofia", "tariq",
];

pub(super) const NAMES: [&str; 16] = [
    "Ada Lovelace",
    "Björn Åkesson",
    "陈伟",
    "Дмитрий Иванов",
    "Chukwuemeka Ọkọ",
    "فاطمة الزهراء",
    // Each accent here is a combining mark of its own, so that the text has more code points than letters.
    "Jose\u{301} Nu\u{303}ez",
    "山田 太郎",
    "Inês d'Ávila",
    "김민준",
    "कव्या शर्मा",
    "O'Brien, \"Pat\"",
    "נועה לוי",
    "Mei 🐼",
    "",
    "İbrahim Çelik",
];

pub(super) const TITLES: [&str; 16] = [
    "Fix the race between commit and checkpoint",
    "修复内存泄漏问题",
    "إصلاح الخطأ في القراءة",
    "🚀 Ship it! 👩‍👩‍👧‍👦 🇺🇳",
    "Übergrößenträger: Zeilen zählen",
    "テーブルの列を追加する",
    "Quote \"this\" and \\that\\, then a\ttab",
    "Null is not \"null\", 0 is not \"0\"",
    "Cafe\u{301} or caf\u{e9}: normalise or not?",
    "<script>alert('x')</script> & friends",
    "Разрешить пустые списки",
    "תמיכה בשפות מימין לשמאל",
    "Support 1e400, -0.0 and 9223372036854775807",
    "데이터 형식 변환 오류",
    "Z\u{334}a\u{341}l\u{321}g\u{322}o in column names",
    "Bump actions/checkout from 4 to 5",
];

const SENTENCES: [&str; 12] = [
    "It fails on the second run, after the schema has changed.",
    "Steps:\n1. load\n2. kill -9\n3. load again\n",
    "在 Windows 上也能重现。",
    "See https://example.com/a?b=c&d=%20e#f for the trace.",
    "```rust\nlet x: Option<&str> = None;\n```\n",
    "شكرا جزيلا على المساعدة!",
    "I think that this was fixed in \u{201c}main\u{201d} — please check\u{2026}",
    "👍🏽 Works for me.",
    "Path: C:\\Users\\me\\data\\part-0001.parquet",
    "この変更は後方互換性があります。",
    "Line one\r\nline two\r\n",
    "1,2,\"three\",,NULL,\\N",
];

pub(super) const LABELS: [&str; 10] = [
    "bug",
    "enhancement",
    "good first issue",
    "help wanted",
    "P1: high",
    "área: núcleo",
    "文档",
    "wontfix",
    "🐛 confirmed",
    "C-needs-repro",
];

pub(super) const TOPICS: [&str; 14] = [
    "rust", "data", "arrow", "parquet", "sql", "etl", "iceberg", "delta", "query", "stream", "catalog",
    "lake", "wasm", "cli",
];

pub(super) const LANGUAGES: [&str; 8] =
    ["Rust", "Python", "C++", "Java", "Go", "TypeScript", "Jupyter Notebook", "C#"];

pub(super) const BRANCHES: [&str; 6] =
    ["gh-pages", "release/1.x", "dependabot/cargo/serde-1.0.228", "функция", "fix/größe", "wip 🚧"];

/// The body of an issue, comment or release: null, empty, or some sentences.
pub(super) fn body(rng: &mut Rng) -> Value {
    match rng.below(12) {
        0 => Value::Null,
        1 => json!(""),
        _ => json!(sentences(rng, 5)),
    }
}

/// A commit message: a subject, often with a body.
pub(super) fn commit_message(rng: &mut Rng) -> String {
    let subject = rng.pick(&TITLES);
    if rng.chance(2, 3) { subject.to_owned() } else { format!("{subject}\n\n{}", sentences(rng, 2)) }
}

fn sentences(rng: &mut Rng, most: u64) -> String {
    let sentences: Vec<&str> = (0..rng.between(1, most)).map(|_| rng.pick(&SENTENCES)).collect();
    sentences.join(" ")
}
