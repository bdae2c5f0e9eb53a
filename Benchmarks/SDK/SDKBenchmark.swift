import Crypto
import CryptoExtras
import Foundation
import HTTPTypes
import Hummingbird
import InMemoryStorage
import Logging
import LosslessJSON
import NIOCore
import NIOEmbedded
import SessionEngine
import SessionService
import Tessera
import TesseraHummingbird
import TesseraInProcess

/// What a request costs an application that keeps its sessions with the SDK: CPU time, as a ratio to the bare check of the
/// signature in the same run; with a token that comes for the first time, and with one that came before.
@main
struct SDKBenchmark {
    static let rounds = 9
    static let count = 500

    static func main() async throws {
        // Off the main actor, as a server's requests are.
        let isGood = try await Task.detached { try await run() }.value
        print(isGood ? "bars held: 1.4 (RS256) and 1.15 (ES256)" : "MISSED: at most 1.4 (RS256) and 1.15 (ES256)")
        exit(isGood || !CommandLine.arguments.contains("--strict") ? 0 : 1)
    }

    static func run() async throws -> Bool {
        var isGood = true
        for algorithm in [SigningAlgorithm.rs256, .es256] {
            let subject = try await Subject(algorithm, tokens: rounds * count)
            var (raw, first, again, middleware): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
            for round in 0..<rounds {
                raw.append(try await cost { subject.checksSignature(round * count + $0) })
                first.append(try await cost { try await subject.verifies(round * count + $0) })
                again.append(try await cost { _ in try await subject.verifies(0) })
                middleware.append(try await cost { _ in try await subject.handles() })
            }
            let (bare, session, whole) = (median(raw), median(again), median(middleware))
            let ratio = session / bare
            isGood = isGood && ratio <= (algorithm == .rs256 ? 1.4 : 1.15)
            print(
                "\(algorithm.rawValue)  signature \(text(bare)) us   session, first time \(text(median(first))) us"
                    + " = \(text(median(first) / bare))x, again \(text(session)) us = \(text(ratio))x"
                    + "   both middlewares, again \(text(whole)) us")
        }
        return isGood
    }

    /// CPU time of this process for one call, in microseconds.
    static func cost(_ body: (_ number: Int) async throws -> Bool) async throws -> Double {
        let start = cpu()
        for number in 0..<count where try await !body(number) { throw Failure() }
        return (cpu() - start) / Double(count)
    }

    static func cpu() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    static func text(_ value: Double) -> String { String(format: "%.2f", value) }

    struct Failure: Error {}
}

/// One application with sessions.
struct Subject {
    private let sessions: Sessions
    /// What the server has read from its socket, a session each.
    private let requests: [HTTPRequest]
    /// Checks the signature of one of them and nothing else; each is another one, as in a server's life.
    private let isValid: (Int) -> Bool
    private let session: TesseraMiddleware<BasicTesseraRequestContext>
    private let require = RequireSession<BasicTesseraRequestContext>()
    private let context: BasicTesseraRequestContext

    init(_ algorithm: SigningAlgorithm, tokens count: Int) async throws {
        let backend = try await InProcessBackend(
            storage: InMemorySessionStorage(), policy: SessionPolicy(signingAlgorithm: algorithm))
        sessions = try Sessions(
            app: AppInfo(name: "Benchmark", apiDomain: "https://api.example.com"), backend: backend)
        var tokens: [String] = []
        for _ in 0..<count {
            tokens.append(try await sessions.create(userID: "user", payload: ["role": "admin"]).accessToken)
        }
        requests = tokens.map {
            HTTPRequest(
                method: .get, scheme: "https", authority: "api.example.com", path: "/me",
                headerFields: [.cookie: "__Host-sAccessToken=\($0)"])
        }
        session = TesseraMiddleware(sessions)
        context = BasicTesseraRequestContext(
            source: ApplicationRequestContextSource(channel: EmbeddedChannel(), logger: Logger(label: "benchmark")))
        let parts = tokens.map { $0.split(separator: ".") }
        let signed = parts.map { Array("\($0[0]).\($0[1])".utf8) }
        let signatures = parts.map { Self.bytes($0[2]) }
        let jwk =
            try await backend.publishedKeys().keys.array?.compactMap(\.object)
            .first { $0["alg"]?.string == algorithm.rawValue && $0["kid"]?.string?.hasPrefix("d-") == true } ?? [:]
        switch VerificationKey(jwk: jwk)?.publicKey {
        case .rsa(let key):
            let parsed = signatures.map { _RSA.Signing.RSASignature(rawRepresentation: $0) }
            isValid = { key.isValidSignature(parsed[$0], for: signed[$0], padding: .insecurePKCS1v1_5) }
        case .p256(let key):
            let parsed = try signatures.map { try P256.Signing.ECDSASignature(rawRepresentation: $0) }
            isValid = { key.isValidSignature(parsed[$0], for: signed[$0]) }
        case nil: throw SDKBenchmark.Failure()
        }
    }

    func checksSignature(_ number: Int) -> Bool { isValid(number) }

    func verifies(_ number: Int) async throws -> Bool {
        try await sessions.session(in: SessionExchange(request: requests[number])) != nil
    }

    func handles() async throws -> Bool {
        let request = Request(head: requests[0], body: .init(buffer: ByteBuffer()))
        let response = try await session.handle(request, context: context) { request, context in
            try await require.handle(request, context: context) { _, context in
                Response(status: context.session == nil ? .unauthorized : .ok)
            }
        }
        return response.status == .ok
    }

    private static func bytes(_ base64URL: Substring) -> Data {
        let text = base64URL.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        return Data(base64Encoded: text + String(repeating: "=", count: (4 - text.count % 4) % 4)) ?? Data()
    }
}
