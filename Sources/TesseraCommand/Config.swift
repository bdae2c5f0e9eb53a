import ArgumentParser
import CoreConfiguration
import SessionService

/// `tessera config`: looks at a configuration without starting a core.
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check and show the configuration, and print the keys there are.",
        subcommands: [Check.self, Show.self, Keys.self])

    /// `tessera config check`.
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say everything that is wrong with a configuration, and what would be noted at the start.",
            discussion: "Ends with 1 when a core would not start with it. Opens no database and runs no command.")

        @OptionGroup var options: CoreOptions

        func run() throws {
            let configuration = try options.configuration()
            if case .command? = configuration.keyEncryption {
            } else {
                _ = try KeyEncryption.read(configuration.keyEncryption)
            }
            _ = try EventReceivers.streams(of: configuration)
            for warning in configuration.warnings { print("note: \(warning)") }
            print("The configuration is good.")
        }
    }

    /// `tessera config show`.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every key with the value that counts and where it is from, as a config.yaml.",
            discussion: "Secrets are named and never shown.")

        @OptionGroup var options: CoreOptions

        func run() throws { print(try options.configuration().listing, terminator: "") }
    }

    /// `tessera config keys`.
    struct Keys: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every key, with its variable, type and default.")

        @Flag(help: "Print the tables of docs/configuration.md.")
        var markdown = false

        func run() throws {
            print(markdown ? ConfigurationText.markdown() : ConfigurationText.keys(), terminator: "")
        }
    }
}
