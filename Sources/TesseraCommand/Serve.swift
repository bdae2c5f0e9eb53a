import ArgumentParser

/// `tessera serve`: opens the data folder and answers drivers until it is terminated.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start the core and stay in the foreground.",
        discussion: """
            Needs no configuration: sessions are kept in a data folder of yours and only this machine is served. \
            Settings come from flags, then the environment (any key by its name in capitals, or TESSERA_ and that; port \
            and host are SUPERTOKENS_PORT and SUPERTOKENS_HOST), then the configuration file, then the defaults. \
            'tessera config keys' prints every key, 'tessera config check' judges a configuration without starting. \
            SIGHUP opens the log files again and takes over new API keys, log level and address filter.
            """)

    @OptionGroup var options: CoreOptions

    func run() async throws {
        try await CoreProcess(options).run()
    }
}

/// A command that failed, reported in one line.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
