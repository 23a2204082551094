//! Names under which Lazaret keeps in documents what their standards have no field for.

pub const CONFIG: &str = "lazaret:image:config";
pub const PLATFORM: &str = "lazaret:image:platform";
pub const CREATED: &str = "lazaret:image:created";
pub const CODENAME: &str = "lazaret:distribution:codename";
pub const ECOSYSTEM: &str = "lazaret:package:ecosystem";
pub const ARCHITECTURE: &str = "lazaret:package:architecture";
pub const SOURCE: &str = "lazaret:package:source";
pub const SOURCE_VERSION: &str = "lazaret:package:sourceVersion";
/// `installed`, `built-in`, `declared`, `inferred`.
pub const EVIDENCE: &str = "lazaret:package:evidence";
/// The distribution's package that the package is part of.
pub const OWNER: &str = "lazaret:package:owner";
/// Module stream of an rpm package, `name:stream`.
pub const MODULE: &str = "lazaret:package:module";
/// Where a document has no field for it.
pub const LOCATION: &str = "lazaret:package:location";
/// As stated, one property each, where a document has no field for it.
pub const LICENCE: &str = "lazaret:package:licence";
/// Of a package: place of its layer, 0 for the lowest.
pub const LAYER_INDEX: &str = "lazaret:layer:index";
pub const LAYER_DIFF_ID: &str = "lazaret:layer:diffId";
/// Of the image: `lazaret:layer:0:diffId`, `lazaret:layer:0:createdBy`, `lazaret:layer:0:size`, …
pub const LAYER: &str = "lazaret:layer:";
/// Of the document: something that the scan could not read.
pub const PROBLEM: &str = "lazaret:problem";
/// Of a vulnerability: the first version without it.
pub const FIXED: &str = "lazaret:vulnerability:fixed";
/// Of a vulnerability: probability of exploitation within 30 days (EPSS), 0 to 1.
pub const EPSS: &str = "lazaret:vulnerability:epss";
/// Of a vulnerability: since when it is known to be exploited (CISA KEV).
pub const EXPLOITED: &str = "lazaret:vulnerability:exploited";
/// Of a vulnerability: what CISA decided about it (SSVC), as `exploitation=poc automatable=yes technical_impact=total`.
pub const SSVC: &str = "lazaret:vulnerability:ssvc";
/// Of a vulnerability: `true` where its publisher disputes it.
pub const DISPUTED: &str = "lazaret:vulnerability:disputed";
