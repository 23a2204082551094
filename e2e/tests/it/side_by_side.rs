use lazaret_e2e::Result;
use lazaret_e2e::peers::{Tools, agreement};

use crate::world::World;

/// What dpkg, pip and npm list, we list; what Syft or Trivy list and we do not has a reason. Needs no laboratory, but the
/// two from PyPI: without them it is skipped, loudly.
#[expect(clippy::print_stdout, reason = "figures for whoever reads the log")]
pub(crate) fn what_others_list_is_listed_or_explained(_: &mut World) -> Result<()> {
    let tools = match Tools::installed() {
        Ok(tools) => tools,
        Err(missing) => {
            println!("SKIPPED: side_by_side: Syft and Trivy cannot be installed: {missing}");
            return Ok(());
        }
    };
    let figures = agreement(&tools)?;
    println!(
        "{} packages by their own tools; {} ours, {} Trivy {}, {} Syft {}; {} of theirs explained",
        figures.truth,
        figures.ours,
        figures.trivy,
        tools.trivy_version,
        figures.syft,
        tools.syft_version,
        figures.explained
    );
    Ok(())
}
