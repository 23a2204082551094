//! Names of images as Docker files them: without `docker.io/` and `library/`, with a tag or a digest.

use lazaret_model::ImageReference;

const HUB: &str = "docker.io";

/// The two keys under which `repositories.json` has a name: `nginx` and `nginx:latest`. `None` for what is no
/// reference. With a tag and a digest, the digest counts.
pub(super) fn familiar(name: &str) -> Option<(String, String)> {
    let reference: ImageReference = name.parse().ok()?;
    let registry = if reference.registry == "index.docker.io" { HUB } else { &reference.registry };
    let repository = if registry == HUB {
        let path = reference.repository.strip_prefix("library/").filter(|rest| !rest.contains('/'));
        path.unwrap_or(&reference.repository).to_owned()
    } else {
        format!("{registry}/{}", reference.repository)
    };
    let tagged = match (&reference.digest, &reference.tag) {
        (Some(digest), _) => format!("{repository}@{digest}"),
        (None, Some(tag)) => format!("{repository}:{tag}"),
        (None, None) => format!("{repository}:latest"),
    };
    Some((repository, tagged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_for_every_spelling() {
        for name in [
            "nginx",
            "nginx:latest",
            "library/nginx",
            "docker.io/nginx",
            "docker.io/library/nginx:latest",
            "index.docker.io/library/nginx",
        ] {
            assert_eq!(familiar(name), Some(("nginx".to_owned(), "nginx:latest".to_owned())), "{name}");
        }
        let digest = format!("sha256:{}", "a".repeat(64));
        for (name, repository, tagged) in [
            ("team/shop:v1", "team/shop", "team/shop:v1".to_owned()),
            ("127.0.0.1:5000/shop", "127.0.0.1:5000/shop", "127.0.0.1:5000/shop:latest".to_owned()),
            ("localhost/shop", "localhost/shop", "localhost/shop:latest".to_owned()),
            (&format!("r.example/a:v1@{digest}"), "r.example/a", format!("r.example/a@{digest}")),
            ("library/a/b", "library/a/b", "library/a/b:latest".to_owned()),
        ] {
            assert_eq!(familiar(name), Some((repository.to_owned(), tagged)), "{name}");
        }
        for name in ["", "Shop", "a b", "r.example/../x", "r.example/", "a@sha512:00"] {
            assert_eq!(familiar(name), None, "{name}");
        }
    }
}
