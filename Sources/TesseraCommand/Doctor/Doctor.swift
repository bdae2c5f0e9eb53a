import ArgumentParser

/// `tessera doctor`: why sessions do not work.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Diagnose problems and print how to fix them.",
        usage: """
            tessera doctor [--config FILE] [--json]
            tessera doctor URL --site ORIGIN [--login REQUEST] [--protected REQUEST] [--json]
            tessera doctor postgres [--config FILE]
            """,
        discussion: """
            Without a URL it examines this machine: configuration, storage, clock, limits, and the cores that run. With the URL of \
            an application's session routes (apiDomain and apiBasePath) and the origin of its front end it asks what a browser would \
            ask, and names the cause of sessions that do not work: 'tessera doctor examine --help' has its options, docs/doctor.md each \
            cause.
            """,
        subcommands: [Examine.self] + ofPostgreSQL, defaultSubcommand: Examine.self)

    #if PostgreSQL
        private static let ofPostgreSQL: [any ParsableCommand.Type] = [Postgres.self]
    #else
        private static let ofPostgreSQL: [any ParsableCommand.Type] = []
    #endif
}
