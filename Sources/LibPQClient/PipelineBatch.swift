import Foundations
import LibPQFunctions

/// Statements that were sent together and become durable together: one implicit transaction, which ends with the
/// pipeline's sync.
struct PipelineBatch {
    /// The commands that the server answers, one after the other.
    private enum Command {
        case prepare(String)
        case execute(Int)
        /// A statement whose rows are not read.
        case executeFirst
    }

    /// The state of a batch.
    enum Progress {
        case underWay
        case done
    }

    let requests: [ClientRequest]
    let sentAt: MonotonicTime
    private var commands: [Command] = []
    private var position = 0
    private var hasResult = false
    private var results: [PostgresResult?]
    /// The first error; everything in the batch is undone then.
    private(set) var failure: StatementError?

    init(_ requests: [ClientRequest], sentAt: MonotonicTime) {
        self.requests = requests
        self.sentAt = sentAt
        results = Array(repeating: nil, count: requests.count)
    }

    var isRead: Bool { requests.allSatisfy { $0.statement.kind == .read } }

    /// The last deadline of the requests.
    var deadline: MonotonicTime { requests.map(\.deadline).max() ?? sentAt }

    mutating func noteSent(preparing name: String) { commands.append(.prepare(name)) }
    mutating func noteSentFirst() { commands.append(.executeFirst) }
    mutating func noteSent(request index: Int) { commands.append(.execute(index)) }

    /// Reads what has arrived; notes each statement that the connection has prepared.
    mutating func read(from connection: OpaquePointer, prepared: inout Set<String>) -> Progress {
        while PQisBusy(connection) == 0 {
            guard let result = PQgetResult(connection) else {
                // The end of one command's results, or nothing is there.
                guard hasResult else { return .underWay }
                hasResult = false
                position += 1
                continue
            }
            switch PQresultStatus(result) {
            case PGRES_PIPELINE_SYNC:
                PQclear(result)
                return .done
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
                take(PostgresResult(result), &prepared)
            case PGRES_PIPELINE_ABORTED:
                PQclear(result)
            default:
                if failure == nil { failure = StatementError(result) }
                PQclear(result)
            }
            hasResult = true
        }
        return .underWay
    }

    private mutating func take(_ result: PostgresResult, _ prepared: inout Set<String>) {
        guard commands.indices.contains(position) else { return }
        switch commands[position] {
        case .prepare(let name): prepared.insert(name)
        case .execute(let index): results[index] = result
        case .executeFirst: break
        }
    }

    /// Gives each request its result; only after the sync, that is, when it is durable.
    func answerAll() {
        for (request, result) in zip(requests, results) {
            request.answer(
                result.map { .success($0) } ?? .failure(.unknownOutcome("PostgreSQL gave no answer")))
        }
    }
}
