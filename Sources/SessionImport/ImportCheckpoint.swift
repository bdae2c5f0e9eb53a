/// How far an import has come; kept beside the database, so that an interrupted import resumes where it was.
///
/// It also keeps a finished import from being run again over sessions that have changed or ended since.
public struct ImportCheckpoint: Sendable, Equatable {
    /// Which dump, and how it is read: ``ImportPlan/fingerprint``.
    public var fingerprint: String
    /// How many rows of `session_info` are done and durable.
    public var rowsDone: Int
    /// Whether all are.
    public var isFinished: Bool

    public init(fingerprint: String, rowsDone: Int = 0, isFinished: Bool = false) {
        self.fingerprint = fingerprint
        self.rowsDone = rowsDone
        self.isFinished = isFinished
    }

    private static let firstLine = "tessera import, format 1"

    /// The checkpoint as a file holds it.
    public var text: String {
        "\(Self.firstLine)\nsource \(fingerprint)\nrows \(rowsDone)\nstate \(isFinished ? "finished" : "running")\n"
    }

    /// Reads a file's text; `nil` when it is something else.
    public init?(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 5, lines[0] == Self.firstLine, lines[1].hasPrefix("source "),
            lines[2].hasPrefix("rows "), let rows = Int(lines[2].dropFirst(5)), rows >= 0,
            ["state finished", "state running"].contains(lines[3])
        else { return nil }
        self.init(
            fingerprint: String(lines[1].dropFirst(7)), rowsDone: rows, isFinished: lines[3] == "state finished")
    }

    /// Where an import begins.
    public enum Start: Sendable, Equatable {
        /// The number of rows read of `session_info`.
        case after(rows: Int)
        /// Nowhere: this dump has been imported.
        case alreadyDone
    }

    /// Where the import of a dump begins, given the checkpoint of the target.
    ///
    /// - Throws: ``ImportError`` with ``ImportError/Kind/targetTaken`` when another dump was imported there.
    public static func start(of plan: ImportPlan, given checkpoint: ImportCheckpoint?) throws(ImportError) -> Start {
        guard let checkpoint else { return .after(rows: 0) }
        guard checkpoint.fingerprint == plan.fingerprint else {
            throw ImportError(
                .targetTaken,
                "another dump, or the same one with other options, was imported here before; "
                    + "import into a fresh data folder")
        }
        return checkpoint.isFinished ? .alreadyDone : .after(rows: checkpoint.rowsDone)
    }
}
