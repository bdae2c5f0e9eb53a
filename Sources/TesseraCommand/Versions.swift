import ArgumentParser
import CoreDriverInterface

/// `tessera versions`: what changed in which version of the core driver interface.
struct Versions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what changed in which version of the core driver interface.")

    @Flag(help: "Print the page docs/versions.md.")
    var markdown = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard !markdown || !json else { throw ValidationError("Choose one of --markdown and --json.") }
    }

    func run() throws {
        let text = markdown ? VersionHistory.markdown : json ? VersionHistory.json : VersionHistory.text()
        print(text, terminator: "")
    }
}
