import ArgumentParser

/// The program.
@main
enum Program {
    static func main() async {
        ProcessProtection.begin()
        await Tessera.main()
    }
}

/// The command line.
struct Tessera: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "tessera",
        abstract: "A session core that SuperTokens' drivers can talk to.",
        version: version,
        subcommands: [
            Serve.self, Start.self, Stop.self, List.self, Health.self, Config.self, Keys.self, Audit.self, Users.self,
            Signer.self, Events.self,
            Admin.self,
            Doctor.self, Verify.self, Top.self, Bench.self, Backup.self, Restore.self, Import.self,
            Versions.self,
            OpenAPI.self,
            Speed.self,
        ] + ofPostgreSQL)

    #if PostgreSQL
        private static let ofPostgreSQL: [any ParsableCommand.Type] = [Migrate.self, Move.self]
    #else
        private static let ofPostgreSQL: [any ParsableCommand.Type] = []
    #endif
}
