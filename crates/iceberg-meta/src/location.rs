//! Names of metadata files.

/// The number of a metadata file: 7 of `…/00007-<uuid>.metadata.json` and of `…/v7.metadata.json`, gzipped or not.
pub fn metadata_version(location: &str) -> Option<u64> {
    let file = location.rsplit('/').next()?;
    let stem = file
        .strip_suffix(".gz.metadata.json")
        .or_else(|| file.strip_suffix(".metadata.json.gz"))
        .or_else(|| file.strip_suffix(".metadata.json"))?;
    let number = stem.strip_prefix('v').unwrap_or_else(|| stem.split('-').next().unwrap_or(stem));
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse().ok()
}

/// The location of the metadata file after `previous`: its number plus one, and a fresh UUID, so that two writers
/// never choose the same name.
///
/// The first file, and one after a file without a number, is number 0.
pub fn next_metadata_location(table_location: &str, previous: Option<&str>) -> String {
    let version = previous.and_then(metadata_version).map_or(0, |v| v.saturating_add(1));
    let file = format!("{version:05}-{}.metadata.json", uuid::Uuid::new_v4());
    metadata_path(table_location, None, &file)
}

/// The location of a file of metadata: in the folder that the property `write.metadata.path` gives, else in
/// `metadata` under the table.
pub fn metadata_path(table_location: &str, metadata_folder: Option<&str>, file: &str) -> String {
    match metadata_folder {
        Some(folder) => format!("{}/{file}", folder.trim_end_matches('/')),
        None => format!("{}/metadata/{file}", table_location.trim_end_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_naming_styles() {
        let uuid = "3f1801a5-7dfb-4072-b14a-39cd12f9279b";
        assert_eq!(metadata_version(&format!("s3://b/t/metadata/00007-{uuid}.metadata.json")), Some(7));
        assert_eq!(metadata_version(&format!("00012-{uuid}.gz.metadata.json")), Some(12));
        assert_eq!(metadata_version("/t/metadata/v3.metadata.json"), Some(3));
        assert_eq!(metadata_version("/t/metadata/v3.metadata.json.gz"), Some(3));
        assert_eq!(metadata_version("/t/metadata/vfinal.metadata.json"), None);
        assert_eq!(metadata_version("/t/metadata/snap-1.avro"), None);
    }

    #[test]
    fn the_next_file_has_the_next_number_and_its_own_name() {
        let first = next_metadata_location("s3://b/t/", None);
        assert!(first.starts_with("s3://b/t/metadata/00000-"), "{first}");
        let second = next_metadata_location("s3://b/t", Some(&first));
        assert!(second.starts_with("s3://b/t/metadata/00001-"), "{second}");
        assert_ne!(second, next_metadata_location("s3://b/t", Some(&first)));
        assert_eq!(metadata_path("s3://b/t", Some("s3://m/"), "x.avro"), "s3://m/x.avro");
    }
}
