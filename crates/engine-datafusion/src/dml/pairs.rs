//! Which types can become which, when nobody has asked for a cast.
//!
//! What is not known here to keep every value, or to be found out by [`first_lost`](super::lossless::first_lost), is
//! refused: a cast of a type that nobody has thought of may drop or reinterpret values.

use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit};

/// Why no value of a type becomes one of another by itself, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub message: &'static str,
    /// The field of a struct that the refusal is about.
    pub field: Option<String>,
}

impl Refusal {
    const fn new(message: &'static str) -> Self {
        Self { message, field: None }
    }

    fn of(message: &'static str, field: &Field) -> Self {
        Self { message, field: Some(field.name().clone()) }
    }
}

/// The type of the values of a dictionary or of runs; any other type itself.
pub(super) fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain(value),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        other => other,
    }
}

/// The field of a list's elements, whatever its layout.
pub(super) const fn element(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _) => Some(element),
        _ => None,
    }
}

/// The refusal of a pair of types; `None` where it is up to the values whether they are kept.
pub(super) fn refused(own: &DataType, target: &DataType) -> Option<Refusal> {
    use DataType as T;
    let (own, target) = (plain(own), plain(target));
    if own == target || own.is_null() {
        return None;
    }
    match (own, target) {
        (T::Union(..), _) => Some(Refusal::new(
            "a value of several types is not stored in a column of one; take the members that are meant with \
             `union_extract(…, 'name of the member')`",
        )),
        (_, T::Union(..)) => {
            Some(Refusal::new("a column of several types takes values of exactly its own type"))
        }
        (T::Struct(from), T::Struct(to)) => structs(from, to),
        (T::Map(from, _), T::Map(to, _)) => entries(from.data_type(), to.data_type()),
        (own, target) => match (element(own), element(target)) {
            (Some(from), Some(to)) => refused(from.data_type(), to.data_type()),
            (None, Some(_)) if !own.is_nested() => Some(Refusal::new(
                "a single value is no list; write `make_array(…)` where a list of one is meant",
            )),
            _ if own.is_nested() && target.is_string() => Some(Refusal::new(
                "a nested value is no text; write `cast(… as varchar)` where its text is meant",
            )),
            _ if own.is_nested() || target.is_nested() => {
                Some(Refusal::new("a value of this type does not go into a column of that type"))
            }
            _ => scalars(own, target),
        },
    }
}

fn structs(from: &Fields, to: &Fields) -> Option<Refusal> {
    from.iter().enumerate().find_map(|(place, field)| {
        if from.iter().take(place).any(|other| other.name() == field.name()) {
            return Some(Refusal::of("a struct has a field twice, and the column takes it once", field));
        }
        let Some((_, kept)) = to.find(field.name()) else {
            return Some(Refusal::of(
                "the column has no field of this name; leave it out of the struct, for example with `named_struct`",
                field,
            ));
        };
        let refusal = refused(field.data_type(), kept.data_type())?;
        Some(match refusal.field {
            Some(inner) => Refusal { field: Some(format!("{}.{inner}", field.name())), ..refusal },
            None => Refusal { field: Some(field.name().clone()), ..refusal },
        })
    })
}

/// The keys and the values of a map have the names that its writer likes.
fn entries(from: &DataType, to: &DataType) -> Option<Refusal> {
    let (DataType::Struct(from), DataType::Struct(to)) = (from, to) else {
        return Some(Refusal::new("a map has no entries"));
    };
    from.iter().zip(to).find_map(|(from, to)| refused(from.data_type(), to.data_type()))
}

fn scalars(own: &DataType, target: &DataType) -> Option<Refusal> {
    use Kind as K;
    let kinds = (Kind::of(own), Kind::of(target));
    Some(Refusal::new(match kinds {
        (Some(from), Some(to)) if from == to && from != K::Span => return None,
        (Some(_), Some(K::Text)) => return None,
        (Some(K::Text), Some(to)) if to != K::Span => return None,
        (Some(K::Number | K::Truth), Some(K::Number | K::Truth)) => return None,
        (Some(K::Day | K::Moment), Some(K::Day | K::Moment)) => return None,
        (Some(K::Span), Some(K::Span)) if spans(own, target) => return None,
        (Some(K::Number), Some(K::Moment)) => {
            "a number is no moment; write `cast(… as timestamp)` for one of seconds, or `to_timestamp_millis(…)` or \
             `to_timestamp_micros(…)` for one of these"
        }
        (Some(K::Number), Some(K::Day)) => {
            "a number is no date; write `cast(… as date)` for one of days since 1970"
        }
        (Some(K::Day | K::Moment), Some(K::Number)) => {
            "a moment is no number; write `extract(epoch from …)` for its seconds since 1970"
        }
        (Some(K::Moment), Some(K::Time)) => {
            "a time has no day to keep; write `cast(… as time)` where it may go"
        }
        _ => {
            "a value of this type does not go into a column of that type; cast it in the statement to what is meant"
        }
    }))
}

/// Casts of spans that keep what they count, or whose result is cast back.
const fn spans(own: &DataType, target: &DataType) -> bool {
    use DataType as T;
    matches!(
        (own, target),
        (T::Duration(_), T::Duration(_) | T::Interval(IntervalUnit::MonthDayNano))
            | (T::Interval(IntervalUnit::MonthDayNano), T::Duration(_))
            | (
                T::Interval(IntervalUnit::YearMonth | IntervalUnit::DayTime),
                T::Interval(IntervalUnit::MonthDayNano)
            )
    )
}

/// What values are, however many bits they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Truth,
    Text,
    Bytes,
    Day,
    Moment,
    Time,
    Span,
}

impl Kind {
    fn of(data_type: &DataType) -> Option<Self> {
        use DataType as T;
        Some(match data_type {
            T::Boolean => Self::Truth,
            T::Utf8 | T::LargeUtf8 | T::Utf8View => Self::Text,
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => Self::Bytes,
            T::Date32 | T::Date64 => Self::Day,
            T::Timestamp(..) => Self::Moment,
            T::Time32(_) | T::Time64(_) => Self::Time,
            T::Duration(_) | T::Interval(_) => Self::Span,
            number if number.is_numeric() => Self::Number,
            _ => return None,
        })
    }
}
