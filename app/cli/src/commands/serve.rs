use lazaret_server::ServeOptions;

use crate::args::ServeArgs;
use crate::failure::{Code, Failure, Outcome};
use crate::files;

pub(crate) async fn run(args: &ServeArgs) -> Outcome {
    let mut trusted_keys = Vec::new();
    for path in &args.trusted_keys {
        let pem = files::read_text(path, 64 << 10)?;
        let key = lazaret_trust::VerifyingKey::from_pem(&pem).map_err(|error| {
            Failure::input(format!("{} is not a usable public key: {error}", path.display()))
        })?;
        trusted_keys.push(key);
    }
    let options = ServeOptions { state: args.state.clone(), listen: args.listen, trusted_keys };
    lazaret_server::serve(options, |_| ()).await.map_err(|error| Failure::new(Code::Local, error))
}
