//! The names by which APIs tell of their pages.

// Names without their case and all that is neither letter nor digit, since `next_cursor` and `nextCursor` mean the same.
pub(super) const PAGE_COUNTS: [&str; 7] =
    ["totalpages", "pagecount", "pages", "numpages", "pagestotal", "lastpage", "nbpages"];
pub(super) const PAGE_NUMBERS: [&str; 10] = [
    "page",
    "currentpage",
    "curpage",
    "pagenumber",
    "pagenum",
    "pageno",
    "pageindex",
    "currentpagenumber",
    "currentpageindex",
    "number",
];
pub(super) const OFFSETS: [&str; 2] = ["offset", "skip"];
pub(super) const LIMITS: [&str; 1] = ["limit"];
/// How many rows a page has at most.
pub(super) const SIZES: [&str; 7] =
    ["limit", "perpage", "pagesize", "pagelimit", "itemsperpage", "size", "resultsperpage"];
pub(super) const TOTALS: [&str; 12] = [
    "total",
    "totalcount",
    "totalresults",
    "totalelements",
    "totalitems",
    "totalsize",
    "totalrecords",
    "totalrows",
    "numfound",
    "numbermatched",
    "itemcount",
    "count",
];
/// Other names of numbers of rows, of a page or of all.
pub(super) const COUNTS: [&str; 10] = [
    "found",
    "hits",
    "matches",
    "numresults",
    "recordcount",
    "results",
    "resultcount",
    "resultsizeestimate",
    "returned",
    "rowcount",
];
/// Rarer names of the number of all rows.
pub(super) const OTHER_TOTALS: [&str; 8] = [
    "hitcount",
    "nbhits",
    "totaldocs",
    "totalentries",
    "totalhits",
    "totalmatches",
    "totalobjects",
    "totalrecordcount",
];
/// What is the number of all rows in some APIs, and of a page, or of something else, in others.
pub(super) const MAYBE_TOTALS: [&str; 10] = [
    "filtercount",
    "found",
    "numresults",
    "recordcount",
    "records",
    "recordsfiltered",
    "resultcount",
    "resultsize",
    "rowcount",
    "totalitemcount",
];
pub(super) const MORE: [&str; 5] = ["hasnext", "hasnextpage", "next", "exceededtransferlimit", "istruncated"];
/// What stands before `more` in the names of what asks for it.
pub(super) const MORE_ASKED: [&str; 10] =
    ["", "has", "is", "are", "any", "have", "isthere", "arethere", "thereis", "thereare"];
/// What stands behind it, and not in `more_info`.
pub(super) const MORE_OF: [&str; 17] = [
    "available",
    "data",
    "documents",
    "elements",
    "entities",
    "entries",
    "events",
    "exist",
    "items",
    "objects",
    "pages",
    "records",
    "remain",
    "results",
    "rows",
    "tocome",
    "toload",
];
pub(super) const LAST: [&str; 8] =
    ["last", "islast", "islastpage", "lastpage", "endofrecords", "endofstream", "done", "nomore"];
/// What stands behind `next` in the names of what leads to the next page, and not in `next_update`.
pub(super) const NEXT: [&str; 22] = [
    "",
    "page",
    "cursor",
    "token",
    "pagetoken",
    "pagecursor",
    "pagekey",
    "pagestart",
    "pagenumber",
    "pageid",
    "offset",
    "start",
    "startkey",
    "skip",
    "marker",
    "key",
    "id",
    "index",
    "position",
    "records",
    "results",
    "batch",
];
/// Names of cursors that do not say `next`, beside one text for each page but the last.
pub(super) const CURSORS: [&str; 10] = [
    "cursor",
    "offset",
    "after",
    "continue",
    "continuation",
    "pagetoken",
    "resumptiontoken",
    "lastevaluatedkey",
    "startingafter",
    "searchafter",
];

/// The objects beside or around the rows that tell of them; other totals are of something else.
pub(super) const ABOUT_ROWS: [&str; 14] = [
    "meta",
    "metadata",
    "pagination",
    "paging",
    "paginator",
    "page",
    "pages",
    "pageinfo",
    "info",
    "status",
    "total",
    "attr",
    "links",
    "cursor",
];

/// Where a header says something.
pub(super) const HEADER: &str = "a header";
