import CoreConfiguration
import CoreDriverInterface
import Foundations
import PlatformLibC
import RevocationFeed
import SessionDoctor
import SessionEngine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What an operator decides about a sidecar: options, and for what they leave out the environment.
struct VerifySettings: Sendable {
    var listen: ListenAddress
    /// The addresses of the cores, with the path of the app.
    var cores: [WebAddress]
    var app: String
    var apiKey: String?
    var origins: Set<String>
    var publicOrigin: String?
    var policy: FeedPolicy
    var authorities: String?

    static let publicApp = "public"

    /// Reads options and environment.
    ///
    /// - Throws: ``Failure`` for what is missing and for what cannot be read.
    init(_ options: Verify) throws {
        let values = Values(environment: ProcessInfo.processInfo.environment)
        guard let listen = values[options.listen, "LISTEN"] else {
            throw Failure("say where to answer: --listen 127.0.0.1:3568")
        }
        guard let core = values[options.core, "CORE"] else { throw Failure("say where the core is: --core URL") }
        self.listen = try Self.address(listen)
        app = values[options.app, "APP"] ?? Self.publicApp
        cores = try Self.cores(core, app)
        apiKey = try Self.apiKey(values, file: values[options.apiKeyFile, "API_KEY_FILE"])
        publicOrigin = try values[options.publicOrigin, "PUBLIC_ORIGIN"].map(Self.origin)
        let origins = try Self.list(values[options.origins, "ORIGINS"] ?? "").map(Self.origin)
        self.origins = Set(origins + [publicOrigin].compactMap(\.self))
        authorities = values[options.cacert, "CACERT"]
        policy = try Self.policy(
            values[options.whenSilent, "WHEN_SILENT"], values[options.silence, "SILENCE"],
            values[options.longestStaleness, "LONGEST_STALENESS"])
        // Each question by https is a process of its own.
        if cores.contains(where: { $0.scheme == "https" }) { policy.questionsPerSecond = 20 }
    }

    /// Options before the environment.
    private struct Values {
        let environment: [String: String]

        static let prefix = "TESSERA_VERIFY_"

        subscript(option: String?, name: String) -> String? {
            [option, environment[Self.prefix + name]].compactMap(\.self).first { !$0.isEmpty }
        }
    }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0.trimmed { $0 == " " }) }.filter { !$0.isEmpty }
    }

    private static func address(_ text: String) throws -> ListenAddress {
        if let port = UInt16(text) { return ListenAddress(host: "127.0.0.1", port: Int(port)) }
        guard let address = ListenAddress(text) else {
            throw Failure("--listen: \(text) is no address with a port, such as 127.0.0.1:3568")
        }
        return address
    }

    private static func cores(_ text: String, _ app: String) throws -> [WebAddress] {
        let path: String
        switch AppID(app).pathSegment {
        case _ where app == publicApp: path = ""
        case let segment?: path = "/\(segment)"
        case nil: throw Failure("--app: \(app) is no name of an app")
        }
        let cores = try list(text).map { text in
            guard let address = WebAddress(text), !text.contains("?"), !text.contains("#") else {
                throw Failure("--core: \(text) is no address such as http://127.0.0.1:3567")
            }
            return address.base.at(address.base.path + path)
        }
        guard !cores.isEmpty else { throw Failure("say where the core is: --core URL") }
        return cores
    }

    /// The origin of an address, as browsers write it.
    private static func origin(_ text: String) throws -> String {
        guard let address = WebAddress(text), address.base.path.isEmpty else {
            throw Failure("\(text) is no origin such as https://app.example.com")
        }
        return address.origin
    }

    /// The key; nothing that this process starts gets it from the environment.
    private static func apiKey(_ values: Values, file: String?) throws -> String? {
        let name = "API_KEY"
        defer { unsetenv(Values.prefix + name) }
        var key = values[nil, name]
        if let file {
            guard let text = try? String(contentsOf: URL(filePath: file), encoding: .utf8) else {
                throw Failure("--api-key-file: \(file) cannot be read")
            }
            key = text
        }
        guard let key = key.map({ String($0.trimmed(\.isWhitespace)) }) else { return nil }
        guard !key.isEmpty, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure("the API key is empty, or has a character that no header field can carry")
        }
        return key
    }

    private static func policy(_ silent: String?, _ silence: String?, _ staleness: String?) throws -> FeedPolicy {
        var policy = FeedPolicy()
        if let silent {
            guard let choice = FeedPolicy.WhenSilent(rawValue: silent) else {
                throw Failure("--when-silent is 'ask', 'accept' or 'reject'")
            }
            policy.whenSilent = choice
        }
        if let span = try seconds(silence, "--silence") { policy.silence = max(span, FeedPolicy.shortestSilence) }
        if let span = try seconds(staleness, "--longest-staleness") { policy.longestStaleness = span }
        return policy
    }

    private static func seconds(_ text: String?, _ name: String) throws -> Milliseconds? {
        guard let text else { return nil }
        guard let seconds = Int64(text), (0...86_400).contains(seconds) else {
            throw Failure("\(name) is a number of seconds, a day at the most")
        }
        return .seconds(seconds)
    }
}
