//! What a first page tells of the way to the others.

use super::*;

#[test]
fn the_first_page_tells_how_to_go_on() {
    let second =
        |body: &str, links: &[&str]| run(&Paginator::Auto, &[(body, links, 10)]).map(|urls| urls[1].clone());
    assert_eq!(second(r#"{"next":"/b"}"#, &["</c>; rel=next"]).unwrap(), "http://h/c");
    assert_eq!(second(r#"{"next":"/b","total_pages":3}"#, &[]).unwrap(), "http://h/b");
    assert_eq!(second(r#"{"links":{"next":{"href":"http://h/d"}}}"#, &[]).unwrap(), "http://h/d");
    assert_eq!(second(r#"{"items":[],"total_pages":3}"#, &[]).unwrap(), "~&page=2");
    assert_eq!(second(r#"{"page":0,"pages":3}"#, &[]).unwrap(), "~&page=1");
    assert_eq!(second(r#"{"cursors":{"next":"abc"}}"#, &[]).unwrap(), "~&cursor=abc");
    assert_eq!(second(r#"{"nextPageToken":"abc"}"#, &[]).unwrap(), "~&pageToken=abc");
    for (body, expected) in [
        (r#"{"@odata.nextLink":"http://h/o?$skip=2"}"#, "http://h/o?$skip=2"),
        (r#"{"paging":{"next":{"after":"10","link":"http://h/l"}}}"#, "http://h/l"),
        (r#"{"paging":{"next":{"after":"10"}}}"#, "~&after=10"),
        (r#"{"next":"?page=2"}"#, "http://h/a?page=2"),
        (r#"{"next_cursor":100}"#, "~&cursor=100"),
        (r#"{"next_page":2}"#, "~&page=2"),
        (r#"{"NextMarker":"m"}"#, "~&marker=m"),
        (r#"{"continuationToken":"c"}"#, "~&continuationToken=c"),
        (r#"{"current_page":1,"last_page":10}"#, "~&page=2"),
        (r#"{"pageNo":0,"pages":4}"#, "~&page=1"),
        (r#"{"cur_page":0,"num_pages":4}"#, "~&page=1"),
        (r#"{"number":0,"totalPages":10,"last":false}"#, "~&page=1"),
        (r#"{"count":1000,"offset":0,"limit":10}"#, "~&offset=10"),
        (r#"{"total":30,"skip":0,"limit":10}"#, "~&skip=10"),
        (r#"{"number":0,"totalPages":1,"last":true,"totalElements":10}"#, "end"),
        (r#"{"items":[],"total":10,"next":null}"#, "end"),
        (r#"{"count":10,"has_more":false,"isLast":true}"#, "end"),
        (
            r#"{"next_page":{"offset":"abc","path":"/t?offset=abc","uri":"http://h/t?offset=abc"}}"#,
            "http://h/t?offset=abc",
        ),
        (r#"{"paging":{"cursors":{"before":"x","after":"y"}}}"#, "end"),
        (r#"{"_shards":{"total":50},"hits":{"total":{"value":10},"hits":[{}]}}"#, "end"),
        (r#"{"entries":[{}],"cursor":"abc","has_more":false}"#, "end"),
        (r#"{"entries":[{}],"next_cursor":"abc","has_more":0}"#, "end"),
        (r#"{"items":[{}],"total":10,"cursor":"abc"}"#, "end"),
        (r#"{"items":[{}],"count":10,"offset":0,"limit":10}"#, "end"),
        (r#"{"items":[{}],"hits":47,"video":{"hits":{"value":47}}}"#, "end"),
        (r#"{"items":[{}],"count":10,"offset":"0"}"#, "end"),
        (r#"{"items":[{}],"count":10,"total":10,"cursor":"abc"}"#, "end"),
        (r#"{"items":[{}],"count":10,"cursor":"abc","has_more":false}"#, "end"),
        (r#"{"hits":[{}],"nbHits":10,"took":{"total":70},"quota":{"count":99},"bookmark":"nil"}"#, "end"),
        (r#"{"items":[{}],"links":[{"rel":"self","href":"/a"}]}"#, "end"),
        (r#"{"next_update":"2024-01-01","nextRun":7,"nomore":true,"done":true}"#, "end"),
        (r#"{"info":{"more_records":false,"next_page_token":null},"cursor":null,"offset":0}"#, "end"),
    ] {
        assert_eq!(second(body, &[]).unwrap(), expected, "{body}");
    }
    assert_eq!(second("[]", &["</c>; rel=last"]).unwrap(), "end");
    for silent in [
        r#"{"items":[],"total":11}"#,
        r#"{"items":[],"has_more":true}"#,
        r#"{"page":{"hasNextPage":true}}"#,
        r#"{"next":true}"#,
        r#"{"last":false}"#,
        r#"{"isLast":false}"#,
        r#"{"totalElements":11}"#,
        r#"{"total_items":11}"#,
        r#"{"hits":{"total":{"value":11},"hits":[{}]}}"#,
        r#"{"count":11}"#,
        r#"{"info":{"count":10,"more_records":true,"next_page_token":null}}"#,
        r#"{"additional_data":{"pagination":{"more_items_in_collection":true,"next_start":10}}}"#,
        r#"{"pagination":{"next_start":10}}"#,
        r#"{"next_page":{"offset":"abc"}}"#,
        r#"{"exceededTransferLimit":true}"#,
        r#"{"data":{"after":"t3_abc","dist":10,"before":null}}"#,
        r#"{"records":[{}],"offset":"itr/rec"}"#,
        r#"{"objects":[{}],"cursor":"abc"}"#,
        r#"{"continue":{"apcontinue":"Foo"}}"#,
        r#"{"total":"11"}"#,
        r#"{"total":11.0}"#,
        r#"{"artists":{"@attr":{"total":"11"},"artist":[{}]}}"#,
        r#"{"has_more":1}"#,
        r#"{"has_more":"True"}"#,
        r#"{"last":"false"}"#,
        r#"{"endOfRecords":false}"#,
        r#"{"features":[{}],"links":[{"rel":"self","href":"/a"},{"rel":"next","href":"/b"}]}"#,
        r#"{"response":{"numFound":11,"docs":[{}]}}"#,
        r#"{"LastEvaluatedKey":{"id":"x"}}"#,
        r#"{"Count":10,"LastEvaluatedKey":{"id":{"S":"7"}}}"#,
        r#"{"count":10,"LastEvaluatedKey":{"id":"7"}}"#,
        r#"{"count":10,"items":[{}],"cursor":"abc"}"#,
        r#"{"count":10,"items":[{}],"offset":"itr/rec"}"#,
        r#"{"count":10,"items":[{}],"meta":{"after":"abc"}}"#,
        r#"{"count":10,"items":[{}],"next_start":10}"#,
        r#"{"count":10,"items":[{}],"nextRecords":"abc"}"#,
        r#"{"done":false}"#,
        r#"{"status":{"total_count":11},"data":[{}]}"#,
        r#"{"response":{"docs":[{}],"meta":{"hits":11,"offset":0}}}"#,
    ] {
        let error = second(silent, &[]).expect_err(silent);
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.context("says_more").is_some_and(|place| !place.is_empty()), "{silent}: {error}");
        assert!(error.message().contains("`page_number`"), "{error}");
    }
}

#[test]
fn rarer_signs_of_more_are_not_overlooked() {
    let auto = |body: &str| run(&Paginator::Auto, &[(body, &[], 2)]);
    for body in [
        r#"{"total":1,"page":1,"records":65,"rows":[{},{}]}"#,
        r#"{"entry":[{},{}],"link":[{"relation":"self","url":"/P"},{"relation":"next","url":"/P?page=2"}]}"#,
        r#"{"data":[{},{}],"draw":1,"recordsTotal":65,"recordsFiltered":65}"#,
        r#"{"hits":[{},{}],"found":65}"#,
        r#"{"search-results":{"opensearch:totalResults":"65","entry":[{},{}]}}"#,
        r#"{"data":[{},{}],"meta":{"filter_count":65}}"#,
        r#"{"Items":[{},{}],"TotalItemCount":65}"#,
    ] {
        assert!(auto(body).is_err(), "{body}");
    }
    for body in [
        r#"{"hits":[{},{}],"found":2}"#,
        r#"{"data":[{},{}],"draw":1,"recordsTotal":57,"recordsFiltered":2}"#,
        r#"{"_embedded":{"orders":[{},{}]},"_links":{"acme:next-order":{"href":"/orders/3"}}}"#,
        r#"{"data":[{},{}],"rowCount":1}"#,
        r#"{"data":[{},{}],"total":2,"records":65}"#,
        r#"{"entry":[{},{}],"link":[{"relation":"self","url":"/P"}]}"#,
    ] {
        assert_eq!(auto(body).unwrap(), ["~", "end"], "{body}");
    }
    let body = r#"{"hydra:member":[{},{}],"hydra:totalItems":65,"hydra:view":{"hydra:next":"/a?page=2"}}"#;
    assert_eq!(auto(body).unwrap(), ["~", "http://h/a?page=2"]);
}

#[test]
fn headers_that_tell_of_more_are_not_overlooked() {
    let outline = Outline::of(b"[]").unwrap();
    let url = Url::parse("http://h/a").unwrap();
    let told = |total, next_page| Told { total, next_page, ..Told::default() };
    let detect = |told| {
        auto::detect(&PageInfo {
            url: &url,
            shown_url: "~",
            links: &[],
            body: b"[]",
            array: b"[]",
            outline: &outline,
            around: &[],
            name: "",
            row: None,
            rows: 10,
            read: 10,
            told,
            is_first: true,
        })
    };
    assert!(matches!(detect(told(Some(10), false)), Ok(Way::Single)));
    assert!(detect(told(Some(11), false)).is_err());
    assert!(detect(told(None, true)).is_err());
}
