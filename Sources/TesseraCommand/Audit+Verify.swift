import ArgumentParser
import CoreServer
import SessionEngine
import SessionService

extension Audit {
    /// `tessera audit verify`: whether an entry was removed, changed or inserted.
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify the audit log against the chain of its pages.",
            discussion: """
                The exit status is 1 if an entry was removed, changed or inserted after it was chained, which is some \
                seconds after it was written; the first one is named. A process that can write the database can also make a new chain: note the head that this \
                prints on another machine, and compare with --head, or ship the log ('tessera audit --follow --json').
                """)

        @OptionGroup var options: DataOptions

        @Option(help: "The app.")
        var app = AppID.public.rawValue

        @Option(help: "A head that was printed before: it has to be the hash of a page still.")
        var head: String?

        func validate() throws {
            guard let head else { return }
            guard head.count == 64, head.allSatisfy(\.isHexDigit) else {
                throw ValidationError("--head takes the 64 hexadecimal digits that 'tessera audit verify' printed.")
            }
        }

        func run() async throws {
            let report = try await AuditPlace.open(options, of: AppID(app)) { place in
                try await AuditVerifier(place.chain, of: AppID(app)).run(noted: head?.lowercased())
            }
            printReport(report)
            if let fault = report.fault {
                Console.complain("tessera: the audit log is not what it was: \(Self.text(fault))\n")
                throw ExitCode.failure
            }
            guard report.verification.hasFoundHead else {
                Console.complain(
                    "tessera: the noted head is of no page: another chain was made, the database was put back to an older state, or the "
                        + "page was trimmed\n")
                throw ExitCode.failure
            }
        }

        private static func text(_ fault: AuditFault) -> String {
            "page \(fault.page)\(fault.sequence.map { ", entry \($0)" } ?? ""): \(fault.text)"
        }

        private func printReport(_ report: AuditVerifier.Report) {
            let verified = report.verification
            guard let first = verified.firstPage, let last = verified.head, let times = verified.times else {
                print("  Verified     nothing: no page of the chain was read")
                return printUnchained(report)
            }
            print("  Verified     \(verified.entryCount) entries in \(verified.pageCount) pages")
            print("  Entries      \(first.first) to \(last.last)")
            print("  From         \(Timestamp(milliseconds: times.first).rfc3339)")
            print("  To           \(Timestamp(milliseconds: times.last).rfc3339)")
            if first.number > 1 {
                print("  Begins       with page \(first.number), after \(first.previous); older pages were trimmed")
            }
            print("  Head         \(last.hash)")
            if head != nil, verified.hasFoundHead { print("  Noted head   found") }
            printUnchained(report)
        }

        private func printUnchained(_ report: AuditVerifier.Report) {
            guard report.unchained > 0, let since = report.unchainedSince else { return }
            print("  Not chained  \(report.unchained) entries yet, since \(Timestamp(milliseconds: since).rfc3339)")
        }
    }
}
