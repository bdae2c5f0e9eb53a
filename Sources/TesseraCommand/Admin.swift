import ArgumentParser
import CoreConfiguration
import CoreServer
import LosslessJSON

/// `tessera admin`: the admin page.
struct Admin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Open the admin page of a running core.", subcommands: [Link.self])

    /// `tessera admin link`.
    struct Link: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print an address that opens the admin page once, within a minute.",
            discussion: """
                Asks the running core at 'admin_listen' for a code, with a key of 'admin_api_keys': both from the \
                configuration, which has to be the one of the core. The code is behind '#', which no browser sends and no \
                proxy logs.
                """)

        @Option(
            name: [.long, .customLong("with-config")],
            help: "The core's configuration file; the environment goes before it.")
        var config: String?

        @Option(help: "Whose key of 'admin_api_keys', by its name; the first one otherwise.")
        var key: String?

        func run() async throws {
            let configuration = try ConfigurationFiles.configuration(config, OperatorConfiguration.Flags())
            guard let address = configuration.admin else {
                throw Failure("the configuration has no admin page: set admin_listen and admin_api_keys")
            }
            let keys = configuration.adminSettings.keys
            guard let chosen = keys.first(where: { key == nil || $0.name == key }) else {
                throw Failure("admin_api_keys has no key of that name")
            }
            let core = Instance(host: address.host, port: address.port, pid: 0, basePath: "")
            let code = try await code(of: core, chosen.secret)
            let base = configuration.adminSettings.origin ?? "http://\(Self.authority(core))"
            print("\(base)/admin#code=\(code)")
        }

        private static func authority(_ core: Instance) -> String {
            let host = core.reachableHost
            return "\(host.contains(":") ? "[\(host)]" : host):\(core.port)"
        }

        private func code(of core: Instance, _ key: String) async throws -> String {
            let body = (["apiKey": .string(key)] as JSONObject).text
            let reply: String
            do {
                reply = try await CoreProbe.answer(of: core) { host in
                    "POST /admin/link HTTP/1.1\r\nHost: \(host)\r\nX-Tessera-Admin: 1\r\nConnection: close\r\n"
                        + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                }
            } catch {
                throw Failure("no admin page answers on \(core.host):\(core.port): \(error)")
            }
            let object = reply.firstRange(of: "\r\n\r\n").flatMap { head in
                try? JSONValue(parsing: String(reply[head.upperBound...])).object
            }
            if let code = object?["code"]?.string { return code }
            let reason = object?["error"]?.string ?? "\(reply.prefix { $0 != "\r\n" })"
            throw Failure("the admin page on \(core.host):\(core.port) refused: \(reason)")
        }
    }
}
