// A Milena of one test: started by the binary, stopped with the test, broken on request. With nothing but what comes with Mono.
using System;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

public sealed class Milena : IDisposable
{
    private readonly Process process;
    private readonly string ready;

    public Milena()
    {
        string binary = Environment.GetEnvironmentVariable("MILENA") ?? "milena";
        string flags = "serve --ephemeral -o json --kafka 127.0.0.1:0 --http 127.0.0.1:0 --registry off --rest off";
        process = Process.Start(new ProcessStartInfo(binary, flags) { RedirectStandardOutput = true, UseShellExecute = false });
        ready = process.StandardOutput.ReadLine();
        if (ready == null) throw new IOException("the server did not become ready");
    }

    /// One call of /ephemeral/v1: the status, and the body.
    public Tuple<int, string> Control(string method, string path)
    {
        return Ask(method, Word("control") + "/" + path, null, "Bearer " + Word("token"));
    }

    /// One call of the broker's own HTTP door.
    public Tuple<int, string> Post(string path, string json)
    {
        return Ask("POST", "http://" + Word("http") + path, json, null);
    }

    private static Tuple<int, string> Ask(string method, string url, string json, string authorization)
    {
        var request = (HttpWebRequest)WebRequest.Create(url);
        request.Method = method;
        if (authorization != null) request.Headers["Authorization"] = authorization;
        if (json != null)
        {
            byte[] body = Encoding.UTF8.GetBytes(json);
            request.ContentType = "application/json";
            request.ContentLength = body.Length;
            using (var stream = request.GetRequestStream()) stream.Write(body, 0, body.Length);
        }
        else if (method == "POST")
        {
            request.ContentLength = 0;
        }
        try
        {
            using (var answer = (HttpWebResponse)request.GetResponse()) return Whole(answer);
        }
        catch (WebException refused)
        {
            var answer = refused.Response as HttpWebResponse;
            if (answer == null) throw;
            using (answer) return Whole(answer);
        }
    }

    private static Tuple<int, string> Whole(HttpWebResponse answer)
    {
        using (var reader = new StreamReader(answer.GetResponseStream()))
            return Tuple.Create((int)answer.StatusCode, reader.ReadToEnd());
    }

    /// A string of the ready line: no name in it comes twice.
    private string Word(string name)
    {
        var match = Regex.Match(ready, "\"" + name + "\":\"([^\"]*)\"");
        if (!match.Success) throw new InvalidOperationException(name + " is not in " + ready);
        return match.Groups[1].Value;
    }

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
    }
}
