import ArgumentParser
import CoreDriverInterface

/// `tessera openapi`: one version of the core driver interface as an OpenAPI document.
struct OpenAPI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "openapi", abstract: "Print a version of the core driver interface as an OpenAPI 3.1 document.")

    @Option(help: "The version of the core driver interface, such as 5.4; the newest when left out.")
    var cdi: String?

    func run() throws {
        guard let document = InterfaceDescription.openAPI(versionNamed: cdi) else {
            throw ValidationError("'\(cdi ?? "")' is not a version that this core speaks; see 'tessera versions'.")
        }
        print(document)
    }
}
