//! What was read of images before: where it is kept, and what is said if it cannot be.

use std::path::PathBuf;

use lazaret_model::{Limits, Tree};
use lazaret_pipeline::{Catalog, ScanOptions, Subject};
use lazaret_source::{Cache, DEFAULT_CACHE_BYTES, Identity};

use crate::args::CacheArgs;
use crate::output::remark;
use crate::settings::Settings;

/// The cache that was asked for, or the user's own. Without one everything works, only slower.
pub(crate) fn open(settings: &Settings, args: &CacheArgs) -> Option<Cache> {
    if args.no_cache {
        return None;
    }
    let folder = args.cache_dir.clone().or_else(default_folder)?;
    Cache::open(&folder, lazaret_pipeline::VERSION, DEFAULT_CACHE_BYTES)
        .inspect_err(|error| remark(settings, &format!("note: {error}")))
        .ok()
}

fn default_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(base.join("lazaret"))
}

/// Says once, after all scans, that nothing could be kept.
pub(crate) fn tell(settings: &Settings, cache: Option<&Cache>) {
    if let Some(trouble) = cache.and_then(Cache::trouble) {
        remark(settings, &format!("note: the cache could not be written: {trouble}"));
    }
}

/// What is in a tree: known from before, or read now and kept.
pub(crate) fn list(
    cache: Option<&Cache>,
    identity: Option<&Identity>,
    subject: &Subject,
    tree: &mut dyn Tree,
    limits: &Limits,
    options: ScanOptions,
) -> Catalog {
    let Some((cache, identity)) = cache.zip(identity) else {
        return lazaret_pipeline::list(subject, tree, limits, options);
    };
    let kind = lazaret_pipeline::list_kind(subject, limits, options);
    let key = cache.key(&[b"catalog", identity.digest().as_bytes(), kind.as_bytes()]);
    if let Some(known) = cache.get(key).and_then(|bytes| Catalog::from_bytes(&bytes)) {
        return known;
    }
    let catalog = lazaret_pipeline::list(subject, tree, limits, options);
    if identity.holds() {
        cache.put(key, &catalog.to_bytes());
    }
    catalog
}
