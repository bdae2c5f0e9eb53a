import ArgumentParser
import CoreConfiguration
import CoreServer
import NIOCore

/// `tessera health`: what a container's health check runs, for images without curl.
struct Health: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a core on this machine whether it is well; ends with 0 if it is.",
        discussion: """
            Asks '/health/live', which is about the process alone: a supervisor that restarts a core because its database is away \
            makes things worse. With --ready it asks '/health/ready', by which a balancer decides.
            """)

    @Option(
        name: [.long, .customLong("with-config")],
        help: "The core's configuration file: it says where it listens, and the environment goes before it.")
    var config: String?

    @Option(help: "The address it listens on, whatever the configuration says.")
    var host: String?

    @Option(help: "The port it listens on, whatever the configuration says.")
    var port: Int?

    @Flag(help: "Ask whether it can serve requests, which storage decides too.")
    var ready = false

    func run() async throws {
        let path = ready ? "/health/ready" : "/health/live"
        let core = try instance()
        let reply: String
        do {
            reply = try await CoreProbe.answer(of: core, to: path)
        } catch {
            throw Failure("no core answers on \(core.host):\(core.port): \(error)")
        }
        let line = reply.prefix { $0 != "\r\n" }
        guard line.split(separator: " ").dropFirst().first == "200" else {
            throw Failure("\(path) on \(core.host):\(core.port) is \(line.isEmpty ? "no answer" : line)")
        }
        print(ready ? "ready" : "live")
    }

    private func instance() throws -> Instance {
        let configuration = try ConfigurationFiles.configuration(
            config, OperatorConfiguration.Flags(host: host, port: port))
        return Instance(
            host: configuration.host, port: configuration.port, pid: 0,
            basePath: configuration.settings.basePath.text)
    }
}
