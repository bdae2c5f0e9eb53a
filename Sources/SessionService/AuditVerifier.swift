public import SessionEngine
public import SessionStorage

/// Verifies an app's audit log against the chain of its pages.
public struct AuditVerifier: Sendable {
    /// What was found.
    public struct Report: Sendable {
        /// What was verified, up to the fault if there is one.
        public let verification: AuditVerification
        /// The first fault.
        public let fault: AuditFault?
        /// How many entries after the last page are not chained yet.
        public let unchained: Int64
        /// The time of the oldest of them, in milliseconds since 1970.
        public let unchainedSince: Int64?
    }

    private let reader: any AuditChainReader
    private let app: AppID

    /// How often verification begins again, because the log was trimmed meanwhile.
    private static let attempts = 10

    /// Verifies what a reader reads.
    public init(_ reader: any AuditChainReader, of app: AppID) {
        self.reader = reader
        self.app = app
    }

    /// Reads all of the log.
    ///
    /// - Parameter noted: the hash of a page that was noted elsewhere; `nil` for none.
    /// - Throws: `StorageError`; a fault of the log is in the report.
    public func run(noted: String? = nil) async throws(StorageError) -> Report {
        var attempt = 0
        while true {
            attempt += 1
            let (verification, fault) = try await verified(noted)
            // A page that is gone was trimmed while this read on, with its entries.
            if let fault, attempt < Self.attempts, try await isTrimmed(fault, verification) { continue }
            let rest = fault == nil ? try await unchained(after: verification.lastSequence) : (0, nil)
            return Report(
                verification: verification, fault: fault, unchained: rest.0, unchainedSince: rest.1)
        }
    }

    private func verified(
        _ noted: String?
    ) async throws(StorageError) -> (AuditVerification, AuditFault?) {
        var verification = AuditVerification(of: app, noted: noted)
        while true {
            let pages = try await reader.auditPages(after: verification.head?.number ?? 0, limit: 20)
            if pages.isEmpty { return (verification, nil) }
            for page in pages {
                let entries = try await reader.chainedEntries(
                    after: verification.lastSequence, limit: AuditVerification.entriesToRead)
                do throws(AuditFault) { try verification.check(page, entries) } catch { return (verification, error) }
            }
        }
    }

    private func isTrimmed(
        _ fault: AuditFault, _ verification: AuditVerification
    ) async throws(StorageError) -> Bool {
        let oldest = try await reader.auditPages(after: 0, limit: 1).first
        let first = verification.firstPage?.number ?? fault.page
        return oldest.map { $0.number > first } ?? false
    }

    private func unchained(after sequence: Int64) async throws(StorageError) -> (Int64, Int64?) {
        var (count, last, since): (Int64, Int64, Int64?) = (0, sequence, nil)
        while true {
            let entries = try await reader.chainedEntries(after: last, limit: 1_000)
            guard let newest = entries.last else { return (count, since) }
            since = since ?? entries.first?.time
            count += Int64(entries.count)
            last = newest.sequence
        }
    }
}
