import CoreDriverInterface
import Foundations
import InMemoryStorage
import Logging
import OperatorMetrics
import SessionEngine
import SessionService
import SessionStorage
import SessionStorageTesting
import TestSupport
import Testing

@testable import CoreServer

@Suite("What a core counts")
struct MetricsTests {
    private let metrics = TesseraMetrics()

    private func samples() -> [String: String] {
        let lines = metrics.registry.text(.prometheus).split(separator: "\n").filter { !$0.hasPrefix("#") }
        return Dictionary(
            lines.compactMap { line in
                line.lastIndex(of: " ").map { (String(line[..<$0]), String(line[line.index(after: $0)...])) }
            }
        ) { first, _ in first }
    }

    private func core(
        _ storage: any AppDirectory = InMemoryAppDirectory(), _ policy: SessionPolicy = SessionPolicy()
    ) async throws -> CoreAPI {
        let directory = MeasuredDirectory(storage, metrics)
        let pool = SigningKeyPool(signers: RSASigners(), onSignature: { metrics.signed($0, $1) })
        let service = try await SessionManager(
            storage: directory.storage(of: .public), policy: policy, keyPool: pool)
        let logger = Logger(label: "metrics") { _ in SwiftLogNoOpLogHandler() }
        return CoreAPI(service: service, settings: CoreSettings(), logger: logger).counting(metrics)
    }

    @Test("a measured storage keeps every promise", arguments: StorageConformance.checks)
    func conformance(_ check: StorageConformance.Check) async throws {
        try await check.run(
            MeasuredStorage(base: InMemorySessionStorage(), metrics: metrics.storage, clock: .system))
    }

    @Test("a measured directory keeps every promise", arguments: StorageConformance.directoryChecks)
    func conformance(_ check: StorageConformance.DirectoryCheck) async throws {
        try await check.run(MeasuredDirectory(InMemoryAppDirectory(), metrics))
    }

    @Test("a storage with linked accounts still has them, and one without has none")
    func linkedAccounts() async throws {
        let plain: any SessionStorage = MeasuredStorage(
            base: InMemorySessionStorage(), metrics: metrics.storage, clock: .system)
        #expect(!(plain is any LinkedAccountStorage))
    }

    @Test("a session from sign-in to sign-out is counted once at each step")
    func journey() async throws {
        let api = try await core()
        let session = try await api.service.createSession(NewSession(userID: UserID("u")))
        guard case .created(let issued) = session else { throw TestFailure() }
        let body =
            #"{"refreshToken":"\#(issued.refreshToken.exposed)","enableAntiCsrf":false,"useDynamicSigningKey":true}"#
        for _ in 0..<2 {
            let reply = await api.respond(
                to: CoreRequest(
                    method: "POST", path: "/recipe/session/refresh", version: "5.4", body: Array(body.utf8)))
            #expect(reply.status == 200 && reply.outcome == .ok)
        }
        let seen = samples()
        #expect(seen[#"tessera_refreshes_total{result="refreshed"}"#] == "1")
        #expect(seen[#"tessera_refreshes_total{result="shared"}"#] == "1", "the same token again, within its window")
        #expect(seen[#"tessera_storage_duration_seconds_count{step="insert"}"#] == "1")
        #expect(seen[#"tessera_storage_duration_seconds_count{step="update"}"#] == "2")
        #expect(seen[#"tessera_signatures_total{algorithm="RS256"}"#] == "3")
        #expect(seen[#"tessera_audit_entries_total{event="created"}"#] == "1")
    }

    @Test("a failure of storage is counted by its kind, and the request as unavailable")
    func failures() async throws {
        let storage = SwitchableStorage()
        let measured = MeasuredStorage(base: storage.storage, metrics: metrics.storage, clock: .system)
        let service = try await SessionManager(storage: measured)
        let logger = Logger(label: "metrics") { _ in SwiftLogNoOpLogHandler() }
        let api = CoreAPI(service: service, settings: CoreSettings(), logger: logger).counting(metrics)
        storage.fail(with: StorageError(.unavailable, "gone"))
        let reply = await api.respond(
            to: CoreRequest(method: "GET", path: "/recipe/session/user", query: "userId=u", version: "5.4"))
        #expect(reply.outcome == .unavailable)
        #expect(samples()[#"tessera_storage_errors_total{code="unavailable"}"#] == "1")
        #expect(samples()[#"tessera_storage_errors_total{code="full"}"#] == "0")
    }

    @Test(
        "the outcome of a status",
        arguments: [
            (200, .ok), (304, .ok), (400, .badInput), (401, .noKey), (403, .denied), (404, .notFound),
            (405, .badInput), (500, .fault), (503, .unavailable), (507, .unavailable),
        ] as [(Int, OutcomeLabel)])
    func outcomes(status: Int, outcome: OutcomeLabel) {
        #expect(OutcomeLabel(status: status) == outcome)
        #expect(CoreReply.text(status, "").outcome == outcome)
    }

    @Test("what a client did wrong as HTTP is never the core's fault; its limits are limits")
    func problems() {
        for problem in [HTTPProblem.unknownMethod, .unknownVersion, .unknownCoding, .badHeader, .bodyTooLarge] {
            #expect(OutcomeLabel(problem) == .badInput)
        }
        for problem in [HTTPProblem.busy, .tooMuchAtOnce, .tooSlow] { #expect(OutcomeLabel(problem) == .limit) }
        #expect(RefusalLabel(.tooSlow, hasHead: false) == .headTimeout)
        #expect(RefusalLabel(.tooSlow, hasHead: true) == .bodyTimeout)
        #expect(CoreReply.tooLate.outcome == .tooLate && CoreReply.unauthorised("").outcome == .unauthorised)
    }

    @Test("OB09: the labels are closed and written in one way, and a set is below thirty values")
    func labels() {
        let names =
            [
                OutcomeLabel.allCases.map(\.label), RefusalLabel.allCases.map(\.label),
                RefreshLabel.allCases.map(\.label),
                VerificationLabel.allCases.map(\.label), StorageStepLabel.allCases.map(\.label),
                JobLabel.allCases.map(\.label), RotationLabel.allCases.map(\.label), ReuseLabel.allCases.map(\.label),
                FlagLabel.allCases.map(\.label),
            ]
        for set in names {
            #expect(Set(set).count == set.count && set.count < 13)
            #expect(set.allSatisfy { $0.allSatisfy { $0 == "_" || $0.isLowercase } })
        }
        let operations = OperationLabel.allCases.map(\.label)
        #expect(operations.count < 30 && operations.contains("refreshSession"))
        #expect(Set(OperationLabel.allCases.map(\.rawValue)) == Set(operations.indices))
    }

    @Test("the gauges of keys: a new key has its whole interval before it")
    func keys() async throws {
        let api = try await core()
        try await api.service.prepareSigningKeys()
        metrics.show(api, BuildFacts(version: "1", storage: .sqlite, restoreNumber: 3), StorageGauges())
        api.noteReload()
        let seen = samples()
        let due = Double(seen["tessera_signing_key_due_seconds"] ?? "") ?? 0
        #expect(due > 7 * 86_400 - 60 && due <= 7 * 86_400)
        #expect(seen[#"tessera_signing_keys{state="signing"}"#] == "2")
        #expect(Double(seen[#"tessera_signing_key_age_seconds{kind="dynamic"}"#] ?? "").map { $0 < 60 } == true)
        #expect(seen["tessera_storage_up"] == "1" && seen["tessera_restores"] == "3")
        #expect(seen[#"tessera_build_info{version="1",storage="sqlite"}"#] == "1")
        #expect(seen["tessera_storage_connections"] == nil)
        #expect(seen["tessera_config_reload_last_success_timestamp_seconds"] != nil)
    }

    private struct TestFailure: Error {}
}
