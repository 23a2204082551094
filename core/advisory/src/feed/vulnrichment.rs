//! CISA's "vulnrichment" (<https://github.com/cisagov/vulnrichment>) as a table: a heading that names the columns `cve`
//! and `cvss_vector`, and of `state`, `cvss_source`, `published` and the points of SSVC those that there are. The records themselves are
//! read by [`cve`](super::cve).

use lazaret_model::{Limits, Problem, ProblemKind, Ssvc, Vulnerability};

use super::knowledge::{Knowledge, MOST_VECTOR};
use super::line::one_line;
use super::parsed::{FeedError, check_size};
use super::words::{self, is_cve};

/// The name of this feed.
pub const FEED: &str = "vulnrichment";

/// Problems that one file may give; the last one says that there are more.
const MOST_PROBLEMS: usize = 100;
/// Columns that are looked at.
const MOST_COLUMNS: usize = 32;

struct Columns {
    cve: usize,
    vector: usize,
    source: Option<usize>,
    state: Option<usize>,
    published: Option<usize>,
    /// By the names of the points.
    ssvc: [(&'static str, Option<usize>); 3],
}

/// Reads a table.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Knowledge, FeedError> {
    check_size(bytes, limits)?;
    let mut knowledge = Knowledge::default();
    let mut columns = None;
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = String::from_utf8_lossy(line);
        let fields: Vec<&str> = line.trim().splitn(MOST_COLUMNS, ',').map(str::trim).collect();
        if fields == [""] {
            continue;
        }
        let Some(columns) = &columns else {
            columns = Some(heading(&fields)?);
            continue;
        };
        match row(&fields, columns) {
            Some(known) => knowledge.vulnerabilities.push(known),
            None if knowledge.problems.len() < MOST_PROBLEMS => {
                let subject = format!("line {}", number.saturating_add(1));
                knowledge.problems.push(Problem::new(ProblemKind::Malformed, subject, "it names no CVE"));
            }
            None if knowledge.problems.len() == MOST_PROBLEMS => {
                let reason = "more lines than these are malformed";
                knowledge.problems.push(Problem::new(ProblemKind::Limit, "further lines", reason));
            }
            None => {}
        }
    }
    if columns.is_none() {
        return Err(FeedError::not("a table of CVSS vectors", &"it is empty"));
    }
    Ok(knowledge)
}

fn heading(fields: &[&str]) -> Result<Columns, FeedError> {
    let column = |name: &str| fields.iter().position(|field| *field == name);
    let (Some(cve), Some(vector)) = (column("cve"), column("cvss_vector")) else {
        return Err(FeedError::not("a table of CVSS vectors", &"it has no columns `cve` and `cvss_vector`"));
    };
    let (source, state, published) = (column("cvss_source"), column("state"), column("published"));
    let ssvc = [
        ("Exploitation", column("ssvc_exploitation")),
        ("Automatable", column("ssvc_automatable")),
        ("Technical Impact", column("ssvc_technical_impact")),
    ];
    Ok(Columns { cve, vector, source, state, published, ssvc })
}

fn row(fields: &[&str], columns: &Columns) -> Option<Vulnerability> {
    let field = |at: Option<usize>| at.and_then(|at| fields.get(at)).copied().unwrap_or_default();
    let id = fields.get(columns.cve).filter(|id| is_cve(id))?;
    let vector = field(Some(columns.vector));
    let source = field(columns.source);
    // `adp:CISA-ADP`, `cna`.
    let who = match source.split_once(':').map_or(source, |(_, name)| name) {
        "" => FEED.to_owned(),
        name => one_line(name, 80),
    };
    let mut ssvc = Ssvc::default();
    for (point, at) in columns.ssvc {
        ssvc.decide(point, field(at));
    }
    let is_vector = (1..=MOST_VECTOR).contains(&vector.len());
    Some(Vulnerability {
        cvss: is_vector.then(|| (who, vector.to_owned())).into_iter().collect(),
        withdrawn: field(columns.state).eq_ignore_ascii_case("rejected"),
        published: words::timestamp(field(columns.published)),
        ssvc: ssvc.if_decided(),
        ..Vulnerability::new(*id)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "cve,state,cvss_type,cvss_vector,cvss_base,cvss_source,cwe,ssvc_exploitation,ssvc_automatable,\
        ssvc_technical_impact,published\n\
        CVE-1999-0006,PUBLISHED,cvssV3_1,CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H,9.8,adp:CISA-ADP,CWE-121,poc,yes,total,1999-09-29\n\
        CVE-1999-0013,REJECTED,,,,cna,,,,,\n\nx,1\n";

    #[test]
    fn columns_are_found_by_their_heading() {
        let read = parse(TABLE.as_bytes(), &Limits::default()).unwrap();
        let [first, second] = &read.vulnerabilities[..] else { panic!("two lines") };
        assert_eq!(
            first.cvss,
            [("CISA-ADP".to_owned(), "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned())]
        );
        assert_eq!((first.published.as_deref(), first.withdrawn), (Some("1999-09-29T00:00:00Z"), false));
        let points: Vec<_> = first.ssvc.unwrap().points().map(|(_, value)| value).collect();
        assert_eq!((points, second.ssvc), (vec!["poc", "yes", "total"], None));
        assert_eq!((second.cvss.len(), second.withdrawn), (0, true));
        assert_eq!(read.problems[0].subject, "line 5");
        assert!(parse(b"a,b\n", &Limits::default()).is_err());
        assert!(parse(b"", &Limits::default()).is_err());
    }

    proptest! {
        #[test]
        fn any_table_is_refused_or_read(bytes: Vec<u8>, at in any::<proptest::sample::Index>(), with in "[,\n:0-9a-z]{0,4}") {
            let _ = parse(&bytes, &Limits::default());
            let mut text = TABLE.to_owned();
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
            let _ = parse(text.as_bytes(), &Limits::default());
        }
    }
}
