import PlatformLibC

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A command line that the shell runs, with what it prints.
enum ShellCommand {
    /// Why there is no output.
    enum Failure: Error {
        case cannotRun
        /// It ended with this exit code, or by this signal.
        case ended(Int32)
    }

    /// Runs a command and waits for its end.
    static func output(of command: String) throws(Failure) -> String {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .cannotRun }
        let (reading, writing) = (ends[0], ends[1])
        defer { close(reading) }
        // Nothing that is started meanwhile keeps the pipe open.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let pid = spawn(command, output: writing)
        close(writing)
        guard let pid else { throw .cannotRun }
        let output = readAll(reading)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1, errno == EINTR {}
        guard status == 0 else { throw .ended(status & 0x7f == 0 ? status >> 8 & 0xff : status & 0x7f) }
        return String(decoding: output, as: UTF8.self)
    }

    private static func spawn(_ command: String, output: Int32) -> pid_t? {
        var actions = Spawning.emptyFileActions
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        var attributes = Spawning.emptyAttributes
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals that the core ignores or holds back are the command's own business.
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        let words: [String] = ["/bin/sh", "-c", command]
        var arguments = words.map { strdup($0) } + [nil]
        var environment = ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var pid: pid_t = 0
        return posix_spawn(&pid, "/bin/sh", &actions, &attributes, &arguments, &environment) == 0 ? pid : nil
    }

    static func readAll(_ descriptor: Int32, limit: Int = .max) -> [UInt8] {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while output.count < limit {
            let count = read(descriptor, &chunk, chunk.count)
            if count > 0 { output.append(contentsOf: chunk[..<count]) }
            if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        return output
    }
}
