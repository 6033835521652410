//! The echo servers. Each prints its port and serves until its standard input ends or it is killed.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    rc::Rc,
};

use bytes::{Bytes, BytesMut};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use jackdaw_ring::{Executor, Listener, Socket, UringConfig, UringDriver, spawn};
use rustix::event::epoll;

pub(crate) const REQUEST_BYTES: usize = 100;

/// The first is the base of the comparison.
pub(crate) const VARIANTS: [&str; 3] = ["epoll", "ring", "glommio"];

pub(crate) fn serve(variant: &str, cpu: usize) -> Result<(), Box<dyn std::error::Error>> {
    std::thread::spawn(|| {
        // Returns when the parent is gone.
        let _ = std::io::stdin().read(&mut [0; 1]);
        std::process::exit(0);
    });
    jackdaw_ring::placement::pin_to(cpu)?;
    match variant {
        "epoll" => serve_epoll(),
        "ring" => serve_ring(),
        "glommio" => serve_glommio(cpu),
        other => Err(format!("no variant {other}").into()),
    }
}

fn announce(port: u16) {
    println!("{port}");
}

/// Whole requests out of what was received so far; the rest stays.
fn whole_requests(buffer: &mut BytesMut) -> Bytes {
    let whole = buffer.len() / REQUEST_BYTES * REQUEST_BYTES;
    buffer.split_to(whole).freeze()
}

fn serve_ring() -> Result<(), Box<dyn std::error::Error>> {
    let driver = UringDriver::new(&UringConfig::default())?;
    Executor::new(Rc::new(driver)).run(async {
        let (listener, address) = Listener::bind(([127, 0, 0, 1], 0).into())?;
        announce(address.port());
        loop {
            let socket = listener.accept().await?;
            spawn(echo_ring(socket));
        }
    })
}

async fn echo_ring(socket: Socket) {
    let mut partial = BytesMut::new();
    while let Ok(Some(chunk)) = socket.receive().await {
        let whole = if partial.is_empty() && chunk.len() % REQUEST_BYTES == 0 {
            chunk
        } else {
            partial.extend_from_slice(&chunk);
            whole_requests(&mut partial)
        };
        if !whole.is_empty() && socket.send(vec![whole], false).await.is_err() {
            return;
        }
    }
}

fn serve_glommio(cpu: usize) -> Result<(), Box<dyn std::error::Error>> {
    let executor = glommio::LocalExecutorBuilder::new(glommio::Placement::Fixed(cpu)).make()?;
    let served: Result<(), glommio::GlommioError<()>> = executor.run(async {
        let listener = glommio::net::TcpListener::bind("127.0.0.1:0")?;
        announce(listener.local_addr()?.port());
        loop {
            let stream = listener.accept().await?;
            stream.set_nodelay(true)?;
            glommio::spawn_local(echo_glommio(stream)).detach();
        }
    });
    Ok(served?)
}

async fn echo_glommio(mut stream: glommio::net::TcpStream) {
    let mut partial = BytesMut::new();
    let mut buffer = [0u8; 16 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        partial.extend_from_slice(&buffer[..count]);
        let whole = whole_requests(&mut partial);
        if !whole.is_empty() && stream.write_all(&whole).await.is_err() {
            return;
        }
    }
}

fn serve_epoll() -> Result<(), Box<dyn std::error::Error>> {
    const LISTENER: u64 = u64::MAX;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?.port());
    listener.set_nonblocking(true)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut streams: Vec<(TcpStream, BytesMut)> = Vec::new();
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            if event.data.u64() == LISTENER {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                let data = epoll::EventData::new_u64(streams.len() as u64);
                epoll::add(&poll, stream.as_fd(), data, epoll::EventFlags::IN)?;
                streams.push((stream, BytesMut::new()));
            } else {
                let (stream, partial) = &mut streams[event.data.u64() as usize];
                echo_epoll(stream, partial)?;
            }
        }
    }
}

/// One read an event, as a server that is fair to its connections does.
fn echo_epoll(stream: &mut TcpStream, partial: &mut BytesMut) -> std::io::Result<()> {
    let mut buffer = [0u8; 16 * 1024];
    match stream.read(&mut buffer) {
        Ok(0) => {}
        Ok(count) => {
            partial.extend_from_slice(&buffer[..count]);
            let whole = whole_requests(partial);
            stream.write_all(&whole)?;
        }
        // The client goes away with answers unread at the end of a run.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionReset) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
