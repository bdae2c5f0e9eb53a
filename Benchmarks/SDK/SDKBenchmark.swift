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
/// signature in the same run.
@main
struct SDKBenchmark {
    static let rounds = 9
    static let count = 2_000

    static func main() async throws {
        // Off the main actor, as a server's requests are.
        let isGood = try await Task.detached { try await run() }.value
        print(isGood ? "a session costs at most 1.4 times its signature" : "MISSED: at most 1.4 times the signature")
        exit(isGood || !CommandLine.arguments.contains("--strict") ? 0 : 1)
    }

    static func run() async throws -> Bool {
        var isGood = true
        for algorithm in [SigningAlgorithm.rs256, .es256] {
            let subject = try await Subject(algorithm)
            var (raw, verify, middleware): ([Double], [Double], [Double]) = ([], [], [])
            for _ in 0..<rounds {
                raw.append(try await cost { subject.checksSignature() })
                verify.append(try await cost { try await subject.verifies() })
                middleware.append(try await cost { try await subject.handles() })
            }
            let (bare, session, whole) = (median(raw), median(verify), median(middleware))
            let ratio = session / bare
            isGood = isGood && ratio <= 1.4
            print(
                "\(algorithm.rawValue)  signature \(text(bare)) us   session \(text(session)) us = \(text(ratio))x"
                    + "   both middlewares \(text(whole)) us")
        }
        return isGood
    }

    /// CPU time of this process for one call, in microseconds.
    static func cost(_ body: () async throws -> Bool) async throws -> Double {
        let start = cpu()
        for _ in 0..<count where try await !body() { throw Failure() }
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

/// One application with one session.
struct Subject {
    private let sessions: Sessions
    /// What the server has read from its socket.
    private let request: HTTPRequest
    private let isValid: () -> Bool
    private let session: TesseraMiddleware<BasicTesseraRequestContext>
    private let require = RequireSession<BasicTesseraRequestContext>()
    private let context: BasicTesseraRequestContext

    init(_ algorithm: SigningAlgorithm) async throws {
        let backend = try await InProcessBackend(
            storage: InMemorySessionStorage(), policy: SessionPolicy(signingAlgorithm: algorithm))
        sessions = try Sessions(
            app: AppInfo(name: "Benchmark", apiDomain: "https://api.example.com"), backend: backend)
        let token = try await sessions.create(userID: "user", payload: ["role": "admin"]).accessToken
        request = HTTPRequest(
            method: .get, scheme: "https", authority: "api.example.com", path: "/me",
            headerFields: [.cookie: "__Host-sAccessToken=\(token)"])
        session = TesseraMiddleware(sessions)
        context = BasicTesseraRequestContext(
            source: ApplicationRequestContextSource(channel: EmbeddedChannel(), logger: Logger(label: "benchmark")))
        let parts = token.split(separator: ".")
        let signed = Array("\(parts[0]).\(parts[1])".utf8)
        let signature = Self.bytes(parts[2])
        let jwk =
            try await backend.publishedKeys().keys.array?.compactMap(\.object)
            .first { $0["alg"]?.string == algorithm.rawValue && $0["kid"]?.string?.hasPrefix("d-") == true } ?? [:]
        switch VerificationKey(jwk: jwk)?.publicKey {
        case .rsa(let key):
            let parsed = _RSA.Signing.RSASignature(rawRepresentation: signature)
            isValid = { key.isValidSignature(parsed, for: signed, padding: .insecurePKCS1v1_5) }
        case .p256(let key):
            let parsed = try P256.Signing.ECDSASignature(rawRepresentation: signature)
            isValid = { key.isValidSignature(parsed, for: signed) }
        case nil: throw SDKBenchmark.Failure()
        }
    }

    func checksSignature() -> Bool { isValid() }

    func verifies() async throws -> Bool { try await sessions.session(in: exchange) != nil }

    func handles() async throws -> Bool {
        let request = Request(head: exchange.request, body: .init(buffer: ByteBuffer()))
        let response = try await session.handle(request, context: context) { request, context in
            try await require.handle(request, context: context) { _, context in
                Response(status: context.session == nil ? .unauthorized : .ok)
            }
        }
        return response.status == .ok
    }

    private var exchange: SessionExchange {
        SessionExchange(request: request)
    }

    private static func bytes(_ base64URL: Substring) -> Data {
        let text = base64URL.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        return Data(base64Encoded: text + String(repeating: "=", count: (4 - text.count % 4) % 4)) ?? Data()
    }
}
