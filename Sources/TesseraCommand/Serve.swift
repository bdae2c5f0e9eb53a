import ArgumentParser

/// `tessera serve`: opens the data folder and answers drivers until it is terminated.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start the core and stay in the foreground.",
        discussion: """
            Needs no configuration: sessions are kept in a data folder of yours and only this machine is served. \
            Settings come from flags, then the environment (PORT is SUPERTOKENS_PORT, any other key its name in \
            capitals), then the configuration file, then the defaults.
            """)

    @OptionGroup var options: CoreOptions

    func run() async throws {
        try await CoreProcess(options.configuration()).run()
    }
}

/// A command that failed, reported in one line.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
